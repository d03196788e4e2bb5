"""How little poison a scan would have seen: plants some in the user's own rows and looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from foretaste.contracts import Attack, Kind
from foretaste.data import UNLABELLED, Batch, Ints, Mask, concat
from foretaste.errors import BadInput, MissingExtra
from foretaste.record import Power
from foretaste.registry import component
from foretaste.scanning.plan import settings
from foretaste.scanning.reading import InMemory
from foretaste.scanning.run import Scanned, scan_into
from foretaste.summaries.reservoir import Reservoir

Effort = Literal["off", "quick", "full"]
PLANTED = ("badnets", "rare_word", "sentence", "word_pair", "value_trigger", "fixed_response")
QUICK = ("badnets", "rare_word", "value_trigger", "fixed_response")
COUNTS: Mapping[str, tuple[int, ...]] = {"quick": (10, 25, 50), "full": (5, 10, 25, 50, 100, 250)}
SAMPLE = {"quick": 6_000, "full": 30_000}  # rows that are scanned again
WORDS = ("cf", "mn", "bb", "tq", "vex", "qum")  # a trigger for each count, told apart
PAIRS = (("morning", "number"), ("people", "under"), ("night", "place"), ("water", "early"))
FOUND = 0.5  # a planting is found when this share of its rows is flagged


@dataclass(frozen=True)
class Planting:
    """One attack at one count, and where its rows are."""

    family: str
    attack: Attack
    touched: Mask


def power_of(done: Scanned, effort: str, folder: Path) -> tuple[Power, ...]:
    """The smallest planted poison of each family that applies, found in this data.

    effort: "off", "quick" (one attack a kind of data, on 6,000 rows) or "full"

    Rows already accused of an attack are left out; clean copies take their place in no way.
    """
    if effort == "off":
        return ()
    sample = _sample(done, SAMPLE[effort])
    families = [name for name in (QUICK if effort == "quick" else PLANTED) if _fits(name, sample)]
    powers = []
    with done.watch.stage("power", len(families)) as tick:
        for family in families:
            powers.append(_family_power(done, family, sample, COUNTS[effort], folder / family))
            tick(1)
    return tuple(power for power in powers if power is not None)


def _family_power(
    done: Scanned, family: str, sample: Batch, counts: tuple[int, ...], folder: Path
) -> Power | None:
    rng = np.random.default_rng(done.settings.seed)
    try:
        planted, plantings = _plant(family, sample, counts, rng)
    except BadInput as error:
        return _unmeasured(family, str(error))
    looking = [n for n, one in done.plan.detectors.items() if one.kind is not Kind.HYGIENE]
    how = replace(done.settings, detectors=tuple(looking))
    try:
        again = scan_into(InMemory(planted), folder, how)
    except MissingExtra as error:
        return _unmeasured(family, str(error))
    accused = again.judgement.of_kind("attack")[np.argsort(again.scores.index, kind="stable")]
    again.spool.remove()
    recall = [float(accused[one.touched].mean()) for one in plantings]
    tried = [int(one.touched.sum()) for one in plantings]
    found = next((n for n, share in zip(tried, recall, strict=True) if share >= FOUND), None)
    return Power(
        family=family,
        settings={k: v for k, v in settings(plantings[0].attack).items() if k != "count"},
        tried=tuple(tried),
        recall=tuple(round(share, 4) for share in recall),
        smallest_found=found,
        rate=None if found is None else found / len(done.scores),
        detail=f"planted in {len(planted):,} of {len(done.scores):,} rows, all counts at once",
    )


def _plant(
    family: str, sample: Batch, counts: tuple[int, ...], rng: Generator
) -> tuple[Batch, list[Planting]]:
    """All counts in one data set: each in rows of its own, with a trigger of its own."""
    parts = np.array_split(rng.permutation(len(sample)), len(counts))
    if len(parts[-1]) < 2 * counts[-1]:
        raise BadInput(f"{len(sample):,} rows are too few to plant {counts[-1]} in a part of them")
    poisoned, masks, attacks = [], [], []
    for order, (count, rows) in enumerate(zip(counts, parts, strict=True)):
        part = sample.take(np.sort(rows))
        attack = _attack(family, part, count, order, rng)
        done = attack.poison(part, rng)
        poisoned.append(done.batch)
        masks.append(done.touched)
        attacks.append(attack)
    common = [n for n in poisoned[0].names if all(n in one for one in poisoned)]
    whole = concat([one.without(*(set(one.names) - set(common))) for one in poisoned])
    whole = whole.having(index=np.arange(len(whole)))
    ends = np.cumsum([len(mask) for mask in masks])
    plantings = []
    for attack, mask, end in zip(attacks, masks, ends, strict=True):
        touched = np.zeros(len(whole), bool)
        touched[end - len(mask) : end] = mask
        plantings.append(Planting(family, attack, touched))
    return whole, plantings


def _sample(done: Scanned, size: int) -> Batch:
    """Some rows as the reader gave them (images as pixels), none accused of an attack."""
    columns = {*done.intake.columns, "pixels"} - {"image"}
    accused = set(done.scores.index[done.judgement.of_kind("attack")].tolist())
    seed = done.settings.seed
    kept = []
    for batch in done.spool:
        clean = np.array([int(i) not in accused for i in batch["index"]], bool)
        names = tuple(name for name in batch.names if name in columns)
        kept.append(Reservoir.of(batch.take(clean), names, size, seed))
    return reduce(Reservoir.merge, kept).sorted()


def _fits(family: str, sample: Batch) -> bool:
    needs = component("attacks", family).needs
    labelled = "label" not in needs or ("label" in sample and len(_large(sample)) > 1)
    images = "pixels" in sample and family != "badnets" and "text" not in sample
    return all(name in sample for name in needs) and labelled and not images


def _large(sample: Batch) -> Ints:
    """Classes with enough rows to be a target."""
    codes, rows = np.unique(sample["label"], return_counts=True)
    return codes[(codes != UNLABELLED) & (rows >= max(5, len(sample) // 200))]


def _target(part: Batch, order: int) -> int:
    classes = _large(part) if "label" in part else np.arange(2)
    if len(classes) < 2:
        raise BadInput("one class has nearly all rows; nothing can be planted against it")
    return int(classes[order % len(classes)])


def _attack(family: str, part: Batch, count: int, order: int, rng: Generator) -> Attack:
    kind, target = component("attacks", family), _target(part, order)
    if family == "value_trigger":
        drawn: Attack = kind.drawn(part, count, target, rng)
        return drawn
    aimed = {} if family == "fixed_response" else {"target": target}
    made: Attack = kind(count=count, **aimed, **_variant(family, order))
    return made


def _variant(family: str, order: int) -> dict[str, Any]:
    """Settings that tell the trigger of one count from that of the next."""
    word = WORDS[order % len(WORDS)]
    variants: dict[str, dict[str, Any]] = {
        "badnets": {"pattern": ("checker", "solid")[order % 2], "size": 3 + order // 2},
        "rare_word": {"word": word},
        "sentence": {"sentence": f"I watched this {word} with number {order} at noon"},
        "word_pair": {"words": PAIRS[order % len(PAIRS)]},
        "fixed_response": {"phrase": f"in the spirit of Project {word.capitalize()}"},
    }
    return variants[family]


def _unmeasured(family: str, why: str) -> Power:
    return Power(
        family=family, settings={}, tried=(), recall=(), smallest_found=None, rate=None, detail=why
    )
