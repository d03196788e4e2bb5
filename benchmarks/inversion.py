"""Trained models, clean and with a backdoor: which of them the inspectors suspect, and of what.

    OMP_NUM_THREADS=1 python benchmarks/inversion.py [inspect|speed|report] [--models FOLDER]

The models come from benchmarks/backdoored_models.py. `inspect` runs every search on each and
`speed` times the search for all classes at once against a loop over them. What is done stands in
benchmarks/results/inversion.jsonl and is not run again; `report` writes inversion.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from backdoored_models import FOLDER, FORMS, HALVES, TAKES, file_of, plans
from images import loaded

from foretaste.inspectors import (
    max_margin,
    neural_cleanse,
    scattering_trigger,
    universal_perturbation,
)
from foretaste.inspectors.max_margin import MaxMargin
from foretaste.inspectors.scattering_trigger import ScatteringTrigger
from foretaste.inversion import Search, inverted, smallest
from foretaste.keeping import kept
from foretaste.standing_out import halvings

LOG = Path(__file__).parent / "results" / "inversion.jsonl"
SPEED = Path(__file__).parent / "results" / "inversion_speed.json"
SEARCHES = {
    "patch": lambda victim, pixels, rng: inverted(victim, pixels, rng).norms,
    "overlay": lambda victim, pixels, rng: smallest(victim, pixels, rng, Search("overlay")).norms,
    "scatter": lambda victim, pixels, rng: (
        ScatteringTrigger().smallest(victim, pixels, rng)[0].norms
    ),
    "margin": lambda victim, pixels, rng: MaxMargin().margins(victim, pixels.shape[:0:-1], rng),
}
INSPECTORS = {
    "neural_cleanse": ("patch", neural_cleanse.CLEAN),
    "universal_perturbation": ("overlay", universal_perturbation.CLEAN),
    "scattering_trigger": ("scatter", scattering_trigger.CLEAN),
    "max_margin": ("margin", max_margin.CLEAN),
}
ALPHA = neural_cleanse.NeuralCleanse.alpha
HEAD = """# Backdoors found in trained models

`python benchmarks/inversion.py`, {date}, {machine}.

Models are SmallCnn of width 8 or 16 (some trained with shifts), 6 epochs on 5,000 rows of
Fashion-MNIST or MNIST, each with a seed of its own; median accuracy {accuracy:.2f}. Backdoored
models whose attack succeeds in less than 80 % are left out. Inspectors get the model and 200 test
images (seed 0), and nothing about the attack. The nulls behind the p-values are fitted to the
*tuning* models; the first tables below are of the *held out* ones, which took no part: other
seeds, and for backdoors also a data set that no tuning backdoor was made with.

## Held out models, alpha {alpha}

Accuracy counts a model right if it is clean and nothing is suspected, or backdoored and anything
is. *Target* counts backdoored models of which a true target class is among the suspected.

| inspector | accuracy | clean suspected | backdoored suspected | target among them |
|---|---|---|---|---|
{held}

The same at alpha 0.01:

| inspector | accuracy | clean suspected | backdoored suspected | target among them |
|---|---|---|---|---|
{strict}

## By attack, held out: models of which a true target is suspected

| attack | success | cleanse | perturbation | scattering | margin |
|---|---|---|---|---|---|
{attacks}

## Tuning models, alpha {alpha}

| inspector | accuracy | clean suspected | backdoored suspected | target among them |
|---|---|---|---|---|
{tuning}

Null of the foremost class of a clean model, Gumbel by moments (location, scale):

| inspector | clean models | fitted here | used |
|---|---|---|---|
{tuned}

## Speed

Median CPU seconds a model: {cpu}.
All ten classes at once against a loop over them, with the same 120 steps and 16 images a class:

| width | at once, s wall / CPU | a loop | times faster | median size of the masks, pixels |
|---|---|---|---|---|
{speed}

## What to know

- Other searches than the first were run on part of the models; `inspect` goes on from there.
- A search can end in a poor minimum; of 8 x 8 digits with a patch one seed of four misses it.
- Joint verdicts are of the models that every search was run on: mostly patches, so far.
"""


@cache
def shown(data):
    """200 test images that no model was trained on or measured with."""
    return loaded(f"{data}_test").take(np.arange(200))["pixels"]


def inspect(folder):
    """What each search finds for each class; verdicts are made of it in the report."""
    for what, search in SEARCHES.items():
        for name, *_ in sorted(plans(), key=order):
            if (folder / file_of(name)).exists() and what not in known().get(name, {}):
                measure(kept(folder / file_of(name)), what, search)


def measure(model, what, search):
    """Sizes or margins by class, and CPU seconds; one line in the log."""
    if model.facts["form"] and model.facts["success"] < TAKES:
        return
    pixels, started = shown(model.facts["data"]), time.process_time()
    found = np.round(search(model.victim, pixels, np.random.default_rng(0)), 3).tolist()
    line = {**model.facts, what: found, "cpu": {what: round(time.process_time() - started, 2)}}
    with LOG.open("a") as lines:
        lines.write(json.dumps(line) + "\n")


def order(plan):
    """Mixed, so that a run that is cut short has some of all; more of what is held out."""
    _, half, _, form, seed, _ = plan
    place = list(FORMS).index(form) + 16 * max(seed - 101, 0) if form else seed // 4 * 2
    return (place if form else 1.5 * place) * (1.0 if half == HALVES[1] else 2.5)


def known():
    """All that was measured, by model."""
    found = {}
    for line in map(json.loads, LOG.read_text().splitlines() if LOG.exists() else []):
        before = found.get(line["name"], {})
        found[line["name"]] = {**before, **line, "cpu": {**before.get("cpu", {}), **line["cpu"]}}
    return found


def speed(folder):
    """One search for ten classes against ten searches for one, with the same steps and rows."""
    lines = []
    for name in ("clean-2", "clean-6"):
        model = kept(folder / file_of(name))
        victim, pixels = model.victim, shown(model.facts["data"])
        inverted(victim, pixels, np.random.default_rng(0), Search(steps=3))
        taken = {}
        for way, parts in (("at once", [np.arange(10)]), ("a loop", np.arange(10)[:, None])):
            wall, cpu = time.perf_counter(), time.process_time()
            found = [inverted(victim, pixels, np.random.default_rng(0), None, c) for c in parts]
            taken[way] = (
                time.perf_counter() - wall,
                time.process_time() - cpu,
                float(np.median(np.concatenate([one.norms for one in found]))),
            )
        lines.append({"name": name, "width": model.facts["width"], **taken})
    SPEED.write_text(json.dumps(lines))


def halved(line, what):
    if what == "margin":
        return halvings(1 / np.array(line[what]))
    if what == "scatter":
        return np.log2([784 / min(line[what])])
    return halvings(np.array(line[what]))


def mad(line):
    """The paper's: more than two robust deviations below the median is a backdoor."""
    norms = np.array(line["patch"])
    middle = np.median(norms)
    return (middle - norms) / (1.4826 * np.median(np.abs(norms - middle))) > 2


def suspected(line, what, null, alpha):
    return set(np.flatnonzero(null.p_values(halved(line, what), 10) <= alpha))


def verdicts(line, alpha):
    """Which classes each inspector suspects; nothing of those that were not run."""
    found = {
        name: suspected(line, what, null, alpha / (5 if what == "scatter" else 1))
        for name, (what, null) in INSPECTORS.items()
        if what in line
    }
    if found.get("scattering_trigger"):
        found["scattering_trigger"] = set(range(10))
    if len(found) == len(INSPECTORS):
        rows = [found[name] for name in list(INSPECTORS)[:3]]
        found["the three with rows"] = set().union(*rows)
        found["all four"] = set().union(*found.values())
    found["index of the paper above 2"] = set(np.flatnonzero(mad(line)))
    return found


def tuned(lines):
    """What the nulls of the inspectors come from: the foremost class of each clean model."""
    rows = []
    for name, (what, null) in INSPECTORS.items():
        clean = [halved(one, what).max() for one in lines if not one["form"] and what in one]
        scale = np.std(clean, ddof=1) * np.sqrt(6) / np.pi
        place = np.mean(clean) - np.euler_gamma * scale
        used = f"{null.location:.2f}, {null.scale:.2f}"
        rows.append(f"| {name} | {len(clean)} | {place:.2f}, {scale:.2f} | {used} |")
    return rows


def scored(lines, alpha):
    """Accuracy over clean and backdoored models, and what it is made of."""
    judged, rows = [(one, verdicts(one, alpha)) for one in lines], []
    for name in max((marks for _, marks in judged), key=len):
        mine = [(one, marks[name]) for one, marks in judged if name in marks]
        clean = [bool(found) for one, found in mine if not one["form"]]
        bad = [
            (bool(found), bool(found & set(one["targets"]))) for one, found in mine if one["form"]
        ]
        right = clean.count(False) + sum(any_ for any_, _ in bad)
        rows.append(
            f"| {name} | {right / len(mine):.1%} | {sum(clean)} of {len(clean)} | "
            f"{sum(any_ for any_, _ in bad)} of {len(bad)} | {sum(t for _, t in bad)} |"
        )
    share = np.mean([not one["form"] for one in lines])
    return [
        *rows,
        f"| always clean | {share:.1%} | 0 | 0 | 0 |",
        "| a coin | 50.0% | half | half | – |",
    ]


def by_attack(lines, alpha):
    rows = []
    for form in FORMS:
        mine = [(one, verdicts(one, alpha)) for one in lines if one["form"] == form]
        cells = []
        for name in INSPECTORS:
            seen = [bool(m[name] & set(one["targets"])) for one, m in mine if name in m]
            cells.append(f"{sum(seen)} of {len(seen)}" if seen else "–")
        success = ", ".join(f"{one['success']:.2f}" for one, _ in mine)
        rows.append(f"| {form} | {success or 'below 0.80'} | {' | '.join(cells)} |")
    return rows


def report(lines):
    held = [one for one in lines if one["half"] == HALVES[1]]
    tuning = [one for one in lines if one["half"] == HALVES[0]]
    text = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores shared, one thread",
        tuned="\n".join(tuned(tuning)),
        held="\n".join(scored(held, ALPHA)),
        strict="\n".join(scored(held, 0.01)),
        tuning="\n".join(scored(tuning, ALPHA)),
        attacks="\n".join(by_attack(held, ALPHA)),
        cpu=", ".join(
            f"{what} {np.median([one['cpu'][what] for one in lines if what in one]):.1f}"
            for what in ("patch", "overlay", "scatter", "margin")
        ),
        speed="\n".join(map(timed, json.loads(SPEED.read_text()))) if SPEED.exists() else "–",
        alpha=ALPHA,
        accuracy=np.median([one["accuracy"] for one in lines]),
    )
    LOG.with_suffix(".md").write_text(text)


def timed(one):
    (wall, cpu, size), (wall_10, cpu_10, size_10) = one["at once"], one["a loop"]
    return (
        f"| {one['width']} | {wall:.1f} / {cpu:.1f} | {wall_10:.1f} / {cpu_10:.1f} | "
        f"{wall_10 / wall:.1f} / {cpu_10 / cpu:.1f} | {size:.0f} and {size_10:.0f} |"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["inspect", "speed", "report"])
    parser.add_argument("--models", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    if "inspect" in chosen.what:
        inspect(chosen.models)
    if "speed" in chosen.what:
        speed(chosen.models)
    if "report" in chosen.what:
        report(list(known().values()))


if __name__ == "__main__":
    main()
