"""Flipped labels on ten real sets: average precision beside cleanlab, on the same folds.

    OMP_NUM_THREADS=2 python benchmarks/label_flips.py [--peer PYTHON_WITH_CLEANLAB] [SET ...]

Writes benchmarks/results/label_flips.md. Both sides get the same out-of-fold predictions; ours
may also use the embedding they came from, which cleanlab's label scores cannot. Images are 20,000
rows as 64 principal components of their pixels, which tell the classes of CIFAR-10 badly apart.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score

from foretaste import datasets
from foretaste.calibration import benjamini_hochberg
from foretaste.data import Batch, content_id
from foretaste.detectors.label_flip import LabelFlip
from foretaste.detectors.label_noise import LabelNoise
from foretaste.detectors.neighbour_disagreement import NeighbourDisagreement
from foretaste.encoders.out_of_fold import OutOfFold
from foretaste.encoders.static_text import StaticText
from foretaste.encoders.table import Table
from foretaste.testing import learn

HERE = Path(__file__).parent
TEXT = {"sms": None, "imdb": 10_000, "spam_assassin": None, "newsgroups": None}
IMAGES = ("mnist", "fashion_mnist", "cifar10")
TABLES = ("nsl_kdd", "nsl_kdd_kinds", "credit_card")
PEER = """
import sys, numpy as np
from cleanlab.rank import get_label_quality_scores
given = np.load(sys.argv[1])
methods = "self_confidence", "normalized_margin", "confidence_weighted_entropy"
np.savez(sys.argv[2], **{m: 1 - get_label_quality_scores(
    given["labels"], given["predictions"], method=m) for m in methods})
"""


def batch(columns, labels, classes, ids):
    codes = {name: code for code, name in enumerate(classes)}
    label = np.array([codes[one] for one in labels])
    return Batch(ids, {"index": np.arange(len(label)), "label": label, **columns}, classes)


def text(name, rows):
    table = datasets.load(name)
    chosen = np.random.default_rng(1).permutation(len(table))[:rows]
    texts, labels = (table.take(chosen)[column].to_pylist() for column in ("text", "label"))
    made = batch(
        {"text": texts}, labels, sorted(set(labels)), [content_id(t.encode()) for t in texts]
    )
    return encoded(StaticText(), made)


def images(name):
    table = datasets.load(name)
    chosen = np.random.default_rng(1).permutation(len(table))[:20_000]
    column = table["image"].combine_chunks()
    if isinstance(column, pa.FixedShapeTensorArray):
        pixels = column.to_numpy_ndarray()[chosen]
    else:
        import io

        from PIL import Image

        pixels = np.stack(
            [np.asarray(Image.open(io.BytesIO(column[int(i)].as_py()))) for i in chosen]
        )
    labels = [str(one) for one in table["label"].take(pa.array(chosen)).to_pylist()]
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    vectors = PCA(64, random_state=0).fit_transform(flat).astype(np.float32)
    ids = [content_id(one.tobytes()) for one in pixels]
    return batch({"embedding": vectors}, labels, sorted(set(labels)), ids)


def table(name):
    frame = pl.from_arrow(datasets.load("nsl_kdd" if name.startswith("nsl") else name))
    target = "Class" if "Class" in frame.columns else "label"
    labels = [str(one) for one in frame[target].to_list()]
    if name == "nsl_kdd":
        labels = ["normal" if one == "normal" else "attack" for one in labels]
    frame = frame.drop(target, "difficulty", "split", strict=False)
    numbers = frame.with_columns(pl.selectors.numeric().cast(pl.Float64))
    struct = numbers.to_struct("features").to_arrow()
    ids = [content_id(repr(row).encode()) for row in frame.iter_rows()]
    return batch({"features": struct}, labels, sorted(set(labels)), ids)


def encoded(encoder, rows):
    return encoder.encode(rows, learn(encoder, [rows]))


def load(name):
    if name in TEXT:
        return text(name, TEXT[name])
    return images(name) if name in IMAGES else encoded(Table(), table(name))


def flipped(label, k, how, rng):
    """5 % of the rows; A->B between the two largest classes, at most 30 % of A."""
    n, said = len(label), label.copy()
    touched = np.zeros(n, bool)
    if how == "random":
        rows = rng.permutation(n)[: n // 20]
        said[rows] = (label[rows] + rng.integers(1, k, len(rows))) % k
        touched[rows] = True
    if how == "A->B":
        a, b = np.bincount(label, minlength=k).argsort()[::-1][:2]
        of_a = np.flatnonzero(label == a)
        rows = rng.permutation(of_a)[: min(n // 20, int(0.3 * len(of_a)))]
        said[rows], touched[rows] = b, True
    return said, touched


def scored(detector, rows):
    started = time.process_time()
    scores = detector.score(rows, learn(detector, [rows]))
    return np.nan_to_num(scores), time.process_time() - started


def peers(python, rows):
    with tempfile.TemporaryDirectory() as folder:
        given, told = Path(folder) / "given.npz", Path(folder) / "told.npz"
        np.savez(given, labels=rows["label"], predictions=rows["prediction"])
        subprocess.run([python, "-c", PEER, given, told], check=True)
        return dict(np.load(told))


def precision(touched, scores):
    return average_precision_score(touched, scores) if touched.any() else float("nan")


def line(name, clean, how, python):
    said, touched = flipped(clean["label"], len(clean.classes), how, np.random.default_rng(0))
    rows = encoded(OutOfFold(), clean.having(label=said))
    noise, seconds = scored(LabelNoise(), rows)
    around, _ = scored(NeighbourDisagreement(), rows)
    attack, _ = scored(LabelFlip(), rows)
    flagged = benjamini_hochberg(10**-noise, 0.01)
    accused = benjamini_hochberg(10**-attack, 0.01)
    other = peers(python, rows) if python else {}
    cells = [name, how, f"{len(rows):,}", f"{touched.sum():,}"]
    cells += [f"{precision(touched, s):.4f}" for s in (noise, around)]
    cells += [f"{precision(touched, s):.4f}" for s in other.values()] or ["-"] * 3
    cells += [f"{precision(touched, np.random.default_rng(1).random(len(rows))):.3f}"]
    cells += [f"{flagged.sum():,} / {(flagged & touched).sum():,}"]
    cells += [f"{accused.sum():,} / {(accused & touched).sum():,}", f"{seconds:.0f}"]
    return "| " + " | ".join(cells) + " |"


HEAD = """# Flipped labels: average precision beside cleanlab 2.9

{when}, {machine}; `python benchmarks/label_flips.py`. Flips: 5 % of the rows, to random other
classes, or from the largest class to the second (A->B, at most 30 % of A). The same out-of-fold
predictions for both sides; ours also uses the embedding. A perfect ranking has 1; the column
`random` is a random ranking. Counts are rows flagged / of those flipped, at alpha 0.01. Images are
20,000 rows as 64 principal components of their pixels.

"""

COLUMNS = (
    "set", "flips", "rows", "flipped", "label_noise", "neighbour_disagreement",
    "cleanlab self_confidence (its default)", "cleanlab normalized_margin",
    "cleanlab confidence_weighted_entropy", "random", "label_noise flags", "label_flip flags",
    "label_noise CPU s",
)  # fmt: skip


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("sets", nargs="*", default=[*TEXT, *IMAGES, *TABLES])
    asked.add_argument("--peer", default="")
    asked.add_argument("--out", default=str(HERE / "results" / "label_flips.md"))
    given = asked.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = HEAD.format(when=datetime.now(UTC).date(), machine=machine)
    report += f"| {' | '.join(COLUMNS)} |\n" + "|---" * len(COLUMNS) + "|\n"
    for name in given.sets:
        clean = load(name)
        for how in ("none", "random", "A->B"):
            report += line(name, clean, how, given.peer) + "\n"
            print(report.splitlines()[-1], flush=True)
            Path(given.out).write_text(report)


if __name__ == "__main__":
    main()
