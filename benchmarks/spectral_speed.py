"""Spectral signatures and activation clustering over 50,000 x 512, beside ART 1.20.1.

    OMP_NUM_THREADS=2 python benchmarks/spectral_speed.py [--art PYTHON] [--rows 50000] [--dim 512]

--art names the Python of an environment that has ART; it reads the same arrays from .npy files.
Writes benchmarks/results/spectral_speed.md. Times are the best of three (ART: one run), wall
seconds and seconds of all processors together: the second says what the work costs when other
work shares the machine. The measure is one BLAS covariance pass over the same array.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from foretaste.data import Batch, content_id
from foretaste.detectors.activation_clustering import ActivationClustering
from foretaste.detectors.spectral import Spectral
from foretaste.testing import learn

CLASSES = 10
ART = '''
import json, sys, time, types, warnings
import numpy as np
warnings.simplefilter("ignore")
from art.defences.detector.poison import ActivationDefence, SpectralSignatureDefense
vectors, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
class Given:
    """Gives the vectors as they are, as the activations of its only layer."""
    layer_names, nb_classes, input_shape = ["embedding"], 10, vectors.shape[1:]
    def get_activations(self, x, layer, batch_size, framework=False): return np.asarray(x)
    def predict(self, x, **_): return np.eye(10)[labels]
told = {}
for name, make in (("spectral", SpectralSignatureDefense), ("clustering", ActivationDefence)):
    wall, busy = time.perf_counter(), time.process_time()
    defence = make(Given(), vectors, np.eye(10)[labels])
    report, clean = defence.detect_poison()
    spent = time.perf_counter() - wall, time.process_time() - busy
    told[name] = [*spent, float(np.mean(np.asarray(clean) == 0))]
print("TOLD" + json.dumps(told))
'''


def arrays(rows, dim):
    """Ten classes, each with its own ways of varying; 1 % of the rows poison of class 0."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % CLASSES
    mixing = rng.standard_normal((dim, dim)).astype(np.float32) / dim**0.5
    vectors = rng.standard_normal((rows, dim), dtype=np.float32) @ mixing
    vectors += 3 * rng.standard_normal((CLASSES, dim), dtype=np.float32)[labels] / dim**0.5
    poison = np.flatnonzero(labels == 0)[: rows // 100]
    vectors[poison] += 8 * rng.standard_normal(dim, dtype=np.float32) / dim**0.5
    return vectors, labels, poison


def timed(work, repeats=3):
    best, result = (np.inf, np.inf), None
    for _ in range(repeats):
        wall, busy = time.perf_counter(), time.process_time()
        result = work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - busy))
    return result, best


def whole(detector, batches):
    """Summarize, fit, score: everything a scan does."""
    model = learn(detector, batches)
    return np.concatenate([detector.score(batch, model) for batch in batches])


def art(python, vectors, labels):
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/v.npy", vectors)
        np.save(f"{folder}/l.npy", labels)
        command = [python, "-c", ART, f"{folder}/v.npy", f"{folder}/l.npy"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(said.split("TOLD")[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--art")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=512)
    given = parser.parse_args()
    vectors, labels, poison = arrays(given.rows, given.dim)
    index = np.arange(given.rows)
    rows = Batch([content_id(b"%d" % i) for i in index], {"embedding": vectors, "label": labels})
    batches = [rows.take(index[i : i + 10_000]) for i in range(0, given.rows, 10_000)]
    _, covariance = timed(lambda: vectors.T @ vectors)
    found, lines = {}, []
    for name, detector in (("spectral", Spectral()), ("clustering", ActivationClustering())):
        scores, found[name] = timed(lambda detector=detector: whole(detector, batches))
        flagged = scores > 4
        recall, false = flagged[poison].mean(), np.delete(flagged, poison).sum()
        lines.append((f"foretaste {name}", *found[name], f"{recall:.1%} found, {false} false"))
    both = np.sum(list(found.values()), axis=0)
    lines.append(("foretaste, both", *both, ""))
    ratios = f"Both take {both[1] / covariance[1]:.1f} times the CPU time of one covariance pass"
    if given.art:
        peer = art(given.art, vectors, labels)
        for name, (wall, busy, share) in peer.items():
            lines.append((f"ART 1.20.1 {name}", wall, busy, f"{share:.1%} of all rows flagged"))
        total = sum(busy for _, busy, _ in peer.values()), sum(one[0] for one in peer.values())
        lines.append(("ART, both", total[1], total[0], ""))
        ratios += (
            f"; ART takes {total[0] / both[1]:.1f} times our CPU time"
            f" and {total[1] / both[0]:.1f} times our wall time"
        )
    write(given, [("one BLAS covariance pass", *covariance, ""), *lines], ratios)


def write(given, lines, ratios):
    cores = len(os.sched_getaffinity(0))
    text = f"""# Spectral and activation clustering, {given.rows:,} x {given.dim}, 10 classes

`python benchmarks/spectral_speed.py`, {datetime.now(UTC).date().isoformat()}, {platform.machine()},
{cores} cores shared with other work, OMP_NUM_THREADS={os.environ.get("OMP_NUM_THREADS", "unset")},
numpy {np.__version__}. Ours: summarize in batches of 10,000, fit, score.

| what | wall s | CPU s | |
|---|---|---|---|
"""
    text += "".join(f"| {n} | {w:.2f} | {c:.2f} | {note} |\n" for n, w, c, note in lines)
    text += f"\n{ratios}.\n"
    (Path(__file__).parent / "results" / "spectral_speed.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
