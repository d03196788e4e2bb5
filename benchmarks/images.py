"""Planted backdoors in real images: how many of the poisoned rows are found, how many others.

    OMP_NUM_THREADS=2 python benchmarks/images.py [--data fashion_mnist,mnist,cifar10] [--only TEXT]

One cell: plant, and run the whole scan with all its detectors; found are the rows accused of an
attack. The attack's success is measured on the scan's own small network. Cells that are
done stand in benchmarks/results/images.jsonl and are not run again; images.md is written anew
after each. Controls: a random guess of as many rows, and the perfect answer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from foretaste import datasets
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.data import Batch
from foretaste.encoders.image_network import ImageNetwork
from foretaste.encoders.pixels import Pixels
from foretaste.scanning.run import Settings, scan_into

RESULTS = Path(__file__).parent / "results"
TARGET, PART = 0, 5_000
ATTACKS = {
    "patch 3x3 corner": lambda count: Badnets(count=count, target=TARGET),
    "patch 3x3 random place": lambda count: Badnets(count=count, target=TARGET, place="random"),
    "blended 12 %": lambda count: Blended(count=count, target=TARGET, alpha=0.12),
}
RATES = (0.01, 0.005, 0.05)
COLUMNS = (
    "data", "attack", "rate", "accuracy", "ASR", "takes", "poisoned", "flagged", "recall",
    "precision", "random", "found by (rows accused, of them planted)", "goal met",
    "seconds: wall / CPU",
)  # fmt: skip


def cells(names):
    """Clean sets first: a detector that cries wolf is of no use."""
    yield from ((name, "none", 0.0) for name in names)
    yield from (
        (n, attack, rate) for rate in (0.01, 0.005, 0.05) for n in names for attack in ATTACKS
    )


def loaded(name, most=None):
    """All rows, or so many of them, drawn by chance and left in order."""
    table = datasets.load(name)
    if most is not None:
        table = table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:most]))
    image = table["image"].combine_chunks()
    if pa.types.is_struct(image.type):
        image = image.field("bytes")
    classes, label = np.unique(
        [str(one) for one in table["label"].to_pylist()], return_inverse=True
    )
    ids = [f"{name}-{i}" for i in range(len(label))]
    rows = Batch(
        ids, {"image": image, "label": label, "index": np.arange(len(label))}, list(classes)
    )
    return Pixels().encode(rows, Pixels().fit(Pixels().summarize(rows))).without("image")


def parts(batch):
    rows = np.arange(len(batch))
    return [batch.take(rows[i : i + PART]) for i in range(0, len(batch), PART)]


class Planted:
    """The poisoned rows as a reader would give them."""

    def __init__(self, rows):
        self.rows = rows.having(location=[f"row {i}" for i in range(len(rows))])

    def __iter__(self):
        names = np.array(self.rows.classes, dtype=object)
        for part in parts(self.rows):
            yield part.having(label=names[part["label"]])


def attack_rate(attack, test, network, model):
    others = test.take(test["label"] != TARGET)
    triggered = attack.trigger(others, np.random.default_rng(2))
    seen = [network.encode(part, model)["prediction"] for part in parts(triggered)]
    return float((np.concatenate(seen).argmax(axis=1) == TARGET).mean())


def run(name, attack_name, rate, network):
    rows, test = loaded(name), loaded(f"{name}_test")
    touched = np.zeros(len(rows), bool)
    attack = None
    if rate:
        attack = ATTACKS[attack_name](round(rate * len(rows)))
        rows, touched = attack.poison(rows, np.random.default_rng(1))
    started, busy = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        done = scan_into(Planted(rows), Path(folder), Settings(encoders=(network,)))
    flagged = np.zeros(len(rows), bool)
    flagged[done.scores.index[done.judgement.of_kind("attack")]] = True
    wall, cpu = time.perf_counter() - started, time.process_time() - busy
    model = done.encoders["image_network"].model
    seen = np.concatenate([network.encode(p, model)["prediction"] for p in parts(test)])
    hit, poisoned = int((flagged & touched).sum()), int(touched.sum())
    by = {
        n: [int(mask.sum()), int(mask[touched[done.scores.index]].sum())]
        for n, mask in done.judgement.accused.items()
        if mask.any() and done.judgement.kinds[n] == "attack"
    }
    return {
        "data": name, "attack": attack_name, "rate": rate, "rows": len(rows), "poisoned": poisoned,
        "accuracy": float((seen.argmax(axis=1) == test["label"]).mean()),
        "asr": attack_rate(attack, test, network, model) if attack else None,
        "verdict": str(done.judgement.verdict()), "by": by,
        "groups": [[g.detector, g.label, g.rows, g.verdict] for g in done.groups],
        "flagged": int(flagged.sum()), "hit": hit,
        "recall": hit / poisoned if poisoned else None,
        "precision": hit / int(flagged.sum()) if flagged.any() else None,
        "stages": {s.name: round(s.seconds, 1) for s in done.watch.stages if s.seconds > 1},
        "wall_s": round(wall), "cpu_s": round(cpu),
        "date": datetime.now(UTC).date().isoformat(), "width": network.width,
    }  # fmt: skip


def found_by(cell):
    return ", ".join(f"{n} {all_:,} / {hit:,}" for n, (all_, hit) in cell["by"].items()) or "–"


def line(cell):
    def share(value):
        return "–" if value is None else f"{value:.3f}"

    random = cell["poisoned"] / cell["rows"]
    took = "clean" if not cell["rate"] else "yes" if cell["asr"] >= 0.5 else "no"
    goal = (cell["recall"] or 0) >= 0.95 and (cell["precision"] or 0) >= 0.95
    if not cell["rate"]:
        goal = cell["flagged"] == 0
    met = ("yes" if goal else "**no**") if took != "no" else "does not count"
    return (
        f"| {cell['data']} | {cell['attack']} | {cell['rate']:.1%} | {cell['accuracy']:.3f} | "
        f"{share(cell['asr'])} | {took} | {cell['poisoned']} | {cell['flagged']} | "
        f"{share(cell['recall'])} | {share(cell['precision'])} | {random:.3f} | "
        f"{found_by(cell)} | {met} | {cell['wall_s']} / {cell['cpu_s']} |"
    )


def report(wanted, done):
    cores = len(os.sched_getaffinity(0))
    head = f"""# Planted backdoors in images

`python benchmarks/images.py`, {datetime.now(UTC).date().isoformat()}, {platform.machine()},
{cores} cores shared with other work, Python {platform.python_version()}.

Full training sets; the target is class 0; victims come from all other classes. Found = rows that
the whole scan, with all its detectors, accuses of an attack at alpha 0.01. ASR and accuracy are
those of the scan's own small network on the test part. A random guess of as many rows has the
precision in the column *random*; the perfect answer has recall and precision 1. A cell counts
where the attack takes (ASR of one half or more).

| {" | ".join(COLUMNS)} |
{"|---" * len(COLUMNS)}|
"""
    lines = [line(done[cell]) for cell in wanted if cell in done]
    missing = [f"- {d}, {a}, {r:.1%}" for d, a, r in wanted if (d, a, r) not in done]
    text = head + "\n".join(lines) + "\n"
    if missing:
        text += "\nNot run yet:\n\n" + "\n".join(missing) + "\n"
    (RESULTS / "images.md").write_text(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="fashion_mnist,cifar10,mnist")
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    parser.add_argument("--width", type=int, default=ImageNetwork.width)
    chosen = parser.parse_args()
    wanted = list(cells(["fashion_mnist", "cifar10", "mnist"]))
    log = RESULTS / "images.jsonl"
    RESULTS.mkdir(exist_ok=True)
    for cell in wanted:
        done = known(log)
        named = f"{cell[0]} {cell[1]} {cell[2]:.1%}"
        if cell in done or cell[0] not in chosen.data.split(",") or chosen.only not in named:
            continue
        print(named, flush=True)
        made = json.dumps(run(*cell, ImageNetwork(width=chosen.width)))
        print(made, flush=True)
        with log.open("a") as lines:
            lines.write(made + "\n")
        report(wanted, known(log))
    report(wanted, known(log))


def known(log):
    """The cells that are done; of one run twice, the later."""
    lines = map(json.loads, log.read_text().splitlines() if log.exists() else [])
    return {(one["data"], one["attack"], one["rate"]): one for one in lines}


if __name__ == "__main__":
    main()
