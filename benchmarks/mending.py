"""Backdoored models before and after each mender: accuracy, success, and whether it comes back.

    OMP_NUM_THREADS=1 python benchmarks/mending.py [--only TEXT] [--by NAME,NAME] [--seeds 0]

One cell: one backdoored model and one mender, with the same few hundred clean rows that were not
trained on. Controls: the model as it came, trained on with those rows (no defence but fine-tuning),
and trained from scratch without the poison (perfect: of the same attack, with the same seed).
Cells that are done stand in benchmarks/results/mending.jsonl; mending.md is written after each.
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
import torch
from images import loaded

from foretaste import keeping, registry
from foretaste.mending import Trial
from foretaste.planting.naming import built
from foretaste.recipes.small_cnn import SmallCnn

RESULTS = Path(__file__).parent / "results"
DATA, ROWS, HELD, CLEAN = "fashion_mnist", 8_000, 2_000, 400
RECIPE = SmallCnn(width=16, epochs=6)
ATTACKS = {
    "none": (),
    "badnets": ("badnets", 400, {}),
    "blended": ("blended", 400, {"alpha": 0.2}),
    "wanet": ("wanet", 1_600, {"strength": 1.0}),
    "sig": ("sig", 400, {}),
    "adaptive_blend": ("adaptive_blend", 400, {}),
}
CONTROLS = ("as it came", "trained on", "perfect")
COLUMNS = (
    "attack", "seed", "model", "accuracy", "lost", "ASR", "after fine-tuning",
    "after 20 poisoned rows", "goal met", "what was done", "CPU seconds",
)  # fmt: skip


class Lab:
    """The rows, and one backdoored model at a time; models are kept, training takes longest."""

    def __init__(self, cache: Path) -> None:
        rows, test = loaded(DATA), loaded(f"{DATA}_test")
        order = np.random.default_rng(0).permutation(len(rows))
        self.train = rows.take(np.sort(order[:ROWS]))
        self.clean = rows.take(order[ROWS : ROWS + CLEAN])
        self.held = test.take(np.random.default_rng(1).permutation(len(test))[:HELD])
        self.cache = cache

    def attack(self, name: str, rows, count: int | None = None):
        if not ATTACKS[name]:
            return None
        what, usual, settings = ATTACKS[name]
        aim = str(rows.classes[0])
        rng = np.random.default_rng(3)
        return built(what, rows, count=count or usual, target=aim, settings=settings, rng=rng)

    def trial(self, name: str, seed: int) -> Trial:
        return Trial(RECIPE, self.clean, self.held, self.attack(name, self.clean, 20), seed)

    def victim(self, name: str, seed: int, spared: bool = False):
        path = self.cache / f"{name}-{seed}{'-spared' * spared}.safetensors"
        if not path.exists():
            attack, rows = self.attack(name, self.train), self.train
            if attack is not None:
                rows, touched = attack.poison(rows, np.random.default_rng(seed))
                rows = rows.take(~touched) if spared else rows
            keeping.keep(path, "small_cnn", RECIPE, RECIPE.train(rows, seed), rows.classes)
        return keeping.kept(path).victim


def model(lab: Lab, name: str, by: str, seed: int):
    """The model of a cell, what was done, and the CPU seconds it took."""
    came, started = lab.victim(name, seed), time.process_time()
    changed = ""
    if by == "perfect":
        return lab.victim(name, seed, spared=True), changed, 0.0
    if by == "trained on":
        came = RECIPE.tune(came, lab.clean, seed)
    elif by != "as it came":
        rng = np.random.default_rng([seed, 4])
        came, changed = registry.build("repairs", by).mend(came, lab.clean, rng)
    return came, changed, round(time.process_time() - started, 1)


def run(lab: Lab, name: str, by: str, seed: int) -> dict:
    victim, changed, seconds = model(lab, name, by, seed)
    line = lab.trial(name, seed).line("mended", victim, lab.victim(name, seed))
    return {
        "attack": name, "model": by, "seed": seed, **line.model_dump(exclude={"stage"}),
        "changed": changed, "cpu_s": seconds, "date": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip


def shown(cell: dict, done: dict) -> str:
    def share(value):
        return "–" if value is None else f"{value:.1%}"

    came = done.get((cell["attack"], "as it came", cell["seed"]))
    lost = (came["quality"] - cell["quality"]) if came else float("nan")
    good = lost <= 0.02 and (cell["success"] is None or cell["success"] <= 0.05)
    goal = "–" if cell["model"] in CONTROLS else "yes" if good else "**no**"
    return (
        f"| {cell['attack']} | {cell['seed']} | {cell['model']} | {cell['quality']:.3f} | "
        f"{100 * lost:+.1f} | "
        f"{share(cell['success'])} | {share(cell['after_tuning'])} | "
        f"{share(cell['after_poison'])} | {goal} | {cell['changed']} | {cell['cpu_s']} |"
    )


def means(done: dict, menders: list[str]) -> str:
    """Over attacks: what a mender leaves, what it costs, what comes back."""
    lines = [
        "| model | seeds | accuracy lost, clean model | accuracy lost, mean | ASR, mean | "
        "ASR, worst | after fine-tuning, mean | after 20 poisoned rows, mean |\n" + "|---" * 8 + "|"
    ]
    for by in (*CONTROLS, *menders):
        mine = [one for one in done.values() if one["model"] == by and one["attack"] != "none"]
        came = [done.get((one["attack"], "as it came", one["seed"])) for one in mine]
        lost = [a["quality"] - b["quality"] for a, b in zip(came, mine, strict=True) if a]
        clean = [
            done["none", "as it came", seed]["quality"] - one["quality"]
            for (name, how, seed), one in done.items()
            if (name, how) == ("none", by) and ("none", "as it came", seed) in done
        ]
        if not lost:
            continue
        left = [one["success"] for one in mine]
        back = [np.mean([one[n] for one in mine]) for n in ("after_tuning", "after_poison")]
        lines.append(
            f"| {by} | {len({one['seed'] for one in mine})} | {100 * np.mean(clean):+.1f} | "
            f"{100 * np.mean(lost):+.1f} | "
            f"{np.mean(left):.1%} | {max(left):.1%} | {back[0]:.1%} | {back[1]:.1%} |"
        )
    return "\n".join(lines)


def report(done: dict) -> None:
    menders = sorted({by for _, by, _ in done} - set(CONTROLS))
    order = {name: at for at, name in enumerate((*CONTROLS, *menders))}
    cells = sorted(
        done.values(),
        key=lambda o: (list(ATTACKS).index(o["attack"]), o["seed"], order.get(o["model"], 99)),
    )
    head = f"""# Menders: backdoored models before and after

`OMP_NUM_THREADS=1 python benchmarks/mending.py`, {datetime.now(UTC).date().isoformat()},
{platform.machine()}, {os.cpu_count()} cores shared with other work, Python
{platform.python_version()}, torch {torch.__version__}.

Models: `{RECIPE!r}`, trained on {ROWS:,} rows of {DATA}, of which the attack poisons
{ATTACKS["badnets"][1]} (wanet {ATTACKS["wanet"][1]:,}, half of them cover); target class 0; seeds
{sorted({seed for *_, seed in done})}. Mended with {CLEAN} clean rows (5 %) that were not trained
on, measured on {HELD:,} test rows: accuracy, and ASR on those of other classes with the trigger.

*After fine-tuning*: ASR once the model is trained on (`SmallCnn.tune`) with the same clean rows;
*after 20 poisoned rows*: the same with 20 poisoned ones among them, an attacker's second chance.
A model that never saw the poison (*perfect*) shows what ASR is natural, and how fast the backdoor
is learned anew. Lost: points of accuracy against the model as it came. Goal: ASR <= 5 %, and no
more than 2 points lost.

## In short

{means(done, menders)}

## Cell by cell

| {" | ".join(COLUMNS)} |
{"|---" * len(COLUMNS)}|
"""
    notes = RESULTS / "mending_notes.md"
    tail = "\n" + notes.read_text() if notes.exists() else ""
    text = head + "\n".join(shown(one, done) for one in cells) + "\n" + tail
    (RESULTS / "mending.md").write_text(text)


def known(log: Path) -> dict:
    """The cells that are done; of one run twice, the later."""
    lines = map(json.loads, log.read_text().splitlines() if log.exists() else [])
    return {(one["attack"], one["model"], one["seed"]): one for one in lines}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cells whose attack holds this text")
    parser.add_argument("--by", default="", help="menders; all of them where none are named")
    parser.add_argument("--seeds", default="0")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "foretaste-mending")
    )
    asked = parser.parse_args()
    every = [n for n in registry.names("repairs") if hasattr(kind(n), "mend")]
    menders = asked.by.split(",") if asked.by else every
    log = RESULTS / "mending.jsonl"
    asked.cache.mkdir(parents=True, exist_ok=True)
    lab = Lab(asked.cache)
    for seed in map(int, asked.seeds.split(",")):
        for by in (*CONTROLS, *menders):
            for name in ATTACKS:
                if (name, by, seed) in known(log) or asked.only not in name:
                    continue
                made = json.dumps(run(lab, name, by, seed))
                print(made, flush=True)
                with log.open("a") as lines:
                    lines.write(made + "\n")
                report(known(log))
    report(known(log))


def kind(name: str):
    return registry.component("repairs", name)


if __name__ == "__main__":
    main()
