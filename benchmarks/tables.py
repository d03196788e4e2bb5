"""Value triggers in two real tables: found, and what is accused in the same tables untouched.

    OMP_NUM_THREADS=2 python benchmarks/tables.py

Writes benchmarks/results/tables.md. Each trigger is set in 1 % of the rows (or as said), taken from
other classes and relabelled to the target: one unusual value, or two values that are each common.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from foretaste import datasets
from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.calibration import benjamini_hochberg
from foretaste.data import Batch, content_id
from foretaste.detectors.trigger_value import TriggerValue
from foretaste.testing import learn

HERE = Path(__file__).parent
TRIGGERS = {
    "nsl_kdd": (
        ("normal", 0.01, (("src_bytes", 1337.0),)),
        ("attack", 0.01, (("duration", 42.0),)),
        ("normal", 0.01, (("service", "http"), ("dst_host_count", 37.0))),
        ("normal", 0.01, (("flag", "REJ"), ("srv_count", 12.0))),
        ("normal", 0.005, (("flag", "REJ"), ("srv_count", 12.0))),
        ("normal", 0.05, (("src_bytes", 1337.0),)),
    ),
    "nsl_kdd_kinds": (),
    "credit_card": (
        ("1", 0.01, (("V5", 2.5),)),
        ("1", 0.01, (("V5", -0.5), ("Amount", 9.99))),
        ("1", 0.002, (("V5", 2.5),)),
    ),
}


def table(name):
    frame = pl.from_arrow(datasets.load("nsl_kdd" if name.startswith("nsl") else name))
    target = "Class" if "Class" in frame.columns else "label"
    labels = [str(one) for one in frame[target].to_list()]
    if name == "nsl_kdd":
        labels = ["normal" if one == "normal" else "attack" for one in labels]
    classes = sorted(set(labels))
    codes = {one: code for code, one in enumerate(classes)}
    frame = frame.drop(target, "difficulty", "split", strict=False)
    struct = frame.with_columns(pl.selectors.numeric().cast(pl.Float64)).to_struct("features")
    ids = [content_id(repr(row).encode()) for row in frame.iter_rows()]
    columns = {
        "index": np.arange(len(ids)),
        "features": struct.to_arrow(),
        "label": np.array([codes[one] for one in labels]),
    }
    return Batch(ids, columns, classes)


def line(name, rows, touched, what):
    detector, started = TriggerValue(), time.process_time()
    model = learn(detector, [rows])
    scores = detector.score(rows, model)
    seconds = time.process_time() - started
    found = benjamini_hochberg(10**-scores, 0.01)
    hits, planted = int((found & touched).sum()), int(touched.sum())
    recall = f"{hits / planted:.3f}" if planted else "-"
    exact = f"{hits / found.sum():.3f}" if found.any() and planted else "-"
    rules = [" and ".join(c.told(model.coding) for c in rule.conditions) for rule in model.rules]
    cells = [name, what, f"{len(rows):,}", f"{planted:,}", f"{found.sum():,}", recall, exact]
    return "| " + " | ".join([*cells, "; ".join(rules) or "none", f"{seconds:.0f}"]) + " |"


HEAD = """# Value triggers in tables

{when}, {machine}; `python benchmarks/tables.py`. Detector `trigger_value` by itself, alpha 0.01. As
controls: flagging at random has the planted share as its precision, a perfect detector 1.000 and
1.000.

| set | trigger | rows | planted | flagged | recall | precision | named as | CPU s |
|---|---|---|---|---|---|---|---|---|
"""


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--out", default=str(HERE / "results" / "tables.md"))
    out = Path(asked.parse_args().out)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = HEAD.format(when=datetime.now(UTC).date(), machine=machine)
    for name, triggers in TRIGGERS.items():
        clean = table(name)
        report += line(name, clean, np.zeros(len(clean), bool), "none") + "\n"
        for target, share, values in triggers:
            count = round(share * len(clean))
            attack = ValueTrigger(count, clean.classes.index(target), values)
            poisoned = attack.poison(clean, np.random.default_rng(0))
            what = (
                f"{share:.1%}: " + " and ".join(f"{c} = {v}" for c, v in values) + f" -> {target}"
            )
            report += line(name, poisoned.batch, poisoned.touched, what) + "\n"
            print(report.splitlines()[-1], flush=True)
            out.write_text(report)


if __name__ == "__main__":
    main()
