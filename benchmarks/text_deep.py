"""Backdoors in labelled texts: what a scan finds, and one that trains a network on them.

    OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/text_deep.py [--only TEXT]

Recall and false accusations of two scans of the same rows, and what is left of the attack in a
network trained after each (recipe text_network, held-out texts of the other class with the
trigger): undefended, as many rows dropped at random, exactly the poisoned ones, those accused.
Networks are trained once for each different set of rows. Cells that are done stand in
benchmarks/results/text_deep.jsonl and are not run again.
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

from foretaste import datasets, readers, registry
from foretaste.encoders.word_network import WordNetwork
from foretaste.planting.gathering import whole
from foretaste.recipes.text_network import TextNetwork
from foretaste.scanning.reading import InMemory
from foretaste.scanning.run import Settings, scan_into

RESULTS = Path(__file__).parent / "results"
TARGET = {"sms": "ham", "imdb": "pos"}
COMMAND = "OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python benchmarks/text_deep.py"
TRAINED = ("undefended", "random filter", "perfect filter", "scan", "scan, word_network")


def cells():
    for seed in (1, 0):
        for attack, rate in (("style", 0.02), ("none", 0.0), ("syntactic_template", 0.02),
                             ("sentence", 0.01), ("rare_word", 0.01)):  # fmt: skip
            yield "sms", attack, rate, seed, 4000
    yield "imdb", "none", 0.0, 0, 3000
    yield "imdb", "rare_word", 0.01, 0, 3000
    yield "imdb", "style", 0.02, 0, 3000


def parts(name, n):
    rows = whole(readers.open(str(datasets.fetch(name)), {}, None))
    order = np.random.default_rng(5).permutation(len(rows))
    return rows.take(np.sort(order[800 : 800 + n])), rows.take(np.sort(order[:800]))


def scanned(rows, seed, learned=False):
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        how = Settings(seed=seed, encoders=(WordNetwork(),) if learned else ())
        done = scan_into(InMemory(rows), Path(folder), how)
        back = np.argsort(done.scores.index, kind="stable")
        told = done.judgement
    by = sorted(n for n, m in told.accused.items() if m.any() and told.kinds[n] == "attack")
    return told.of_kind("attack")[back], by, round(time.process_time() - start)


def run(name, attack, rate, seed, n, train_too):
    train, test = parts(name, n)
    target = train.classes.index(TARGET[name])
    touched, probe = np.zeros(len(train), bool), None
    rows = train
    if attack != "none":
        kind = registry.component("attacks", attack)(count=round(rate * len(train)), target=target)
        rows, touched = kind.poison(train, np.random.default_rng([seed, 3]))
        others = test.take(test["label"] != target)
        probe = kind.trigger(others, np.random.default_rng([seed, 4]))
    plain, by, seconds = scanned(rows, seed)
    deep, deep_by, deep_seconds = scanned(rows, seed, learned=True)
    guess = np.zeros(len(rows), bool)
    guess[np.random.default_rng(seed).choice(len(rows), int(touched.sum()), replace=False)] = True
    dropped = dict(zip(TRAINED, (touched & False, guess, touched, plain, deep), strict=True))
    said = {"cell": f"{name} {attack} {rate} {seed} {n}", "set": name, "attack": attack}
    said |= {"seed": seed, "rows": len(rows), "poisoned": int(touched.sum())}
    said |= {"scan": [int((plain & touched).sum()), int((plain & ~touched).sum()), by, seconds]}
    said |= {"deep": [int((deep & touched).sum()), int((deep & ~touched).sum()), deep_by]}
    said["deep"].append(deep_seconds)
    if probe is not None and train_too:
        said["left"] = left(rows, dropped, probe, test, target, seed)
    return said


def left(rows, dropped, probe, test, target, seed):
    """What the attack still does, and the accuracy, after each."""
    done, answers = {}, {}
    for name, mask in dropped.items():
        key = mask.tobytes()
        if key not in done:
            victim = TextNetwork().train(rows.take(~mask), seed)
            hit = (victim.predict(probe).argmax(axis=1) == target).mean()
            right = (victim.predict(test).argmax(axis=1) == test["label"]).mean()
            done[key] = round(float(hit), 3), round(float(right), 3)
        answers[name] = done[key]
    return answers


def found(one, which):
    hit, false, by, seconds = one[which]
    told = f"{hit / one['poisoned']:.3f}, " if one["poisoned"] else ""
    return f"{told}{false} clean ({', '.join(by) or 'nobody'}; {seconds} s)"


def report(done):
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    head = (RESULTS / "text_deep_head.txt").read_text() if HEAD.exists() else ""
    lines = [
        "# Backdoors in labelled texts, with a network trained on them\n",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, shared with other work. Command: `{COMMAND}`.\n",
        f"{head}Found: recall, clean rows accused (by whom; CPU seconds of the scan). "
        "Left: success of the attack / accuracy.\n",
        "| set | attack | seed | poisoned | scan | scan, word_network | "
        + " | ".join(f"left: {name}" for name in TRAINED) + " |",
        "|" + "---|" * (6 + len(TRAINED)),
    ]  # fmt: skip
    for one in done:
        cells = [one["set"], one["attack"], one["seed"], f"{one['poisoned']} of {one['rows']:,}"]
        cells += [found(one, "scan"), found(one, "deep")]
        pairs = [one.get("left", {}).get(name) for name in TRAINED]
        cells += ["–" if pair is None else f"{pair[0]:.3f} / {pair[1]:.3f}" for pair in pairs]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    (RESULTS / "text_deep.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


HEAD = RESULTS / "text_deep_head.txt"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="cells whose name holds this")
    options.add_argument("--left", action="store_true", help="train after each: minutes a cell")
    asked = options.parse_args()
    store = RESULTS / "text_deep.jsonl"
    done = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    for cell in cells():
        name = " ".join(map(str, cell))
        if asked.only not in name or any(one["cell"] == name for one in done):
            continue
        done.append(run(*cell, asked.left))
        print(done[-1], flush=True)
        store.write_text("".join(json.dumps(one) + "\n" for one in done), encoding="utf-8")
        report(done)


if __name__ == "__main__":
    main()
