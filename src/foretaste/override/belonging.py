"""Which rows of a class belong to a group: missed members join, bystanders leave."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from foretaste.data import Batch, Floats, Ints
from foretaste.override.retraining import Retraining
from foretaste.summaries.discriminant import Discriminant, separate
from foretaste.summaries.reservoir import Reservoir

SAMPLE = 20_000  # rows of a class that show what belongs there
LARGER = 1.5  # a guess that would grow by more than this has no edge to stop at
GROWTH = 0.1  # a confirmed group that grows by more than this is left out once more


def grown(retraining: Retraining, label: int, guesses: list[Ints]) -> list[Ints]:
    """Each guess with the rows of its class that lie where it lies.

    Members that stay in the training teach the label to those left out, so the guess has to be
    whole before it is tested.
    """
    sample = _sample(retraining.of_class(label), ("embedding", "index"))
    rules = [_by_place(sample, rows) for rows in guesses]
    found: list[list[Ints]] = [[rows] for rows in guesses]
    for batch in retraining.of_class(label):
        for rule, rows in zip(rules, found, strict=True):
            if rule is not None:
                rows.append(batch["index"][rule.doubt(batch["embedding"], None) < 0.5])
    wholes = [np.unique(np.concatenate(rows)) for rows in found]
    return [
        whole if len(whole) <= LARGER * len(rows) else rows
        for whole, rows in zip(wholes, guesses, strict=True)
    ]


def members(retraining: Retraining, label: int, seeds: Ints) -> tuple[Ints, Floats]:
    """(m,) the rows of the class that belong to a confirmed group, and how doubtful each is."""
    rule = _by_both(retraining, label, seeds)
    missed = np.setdiff1d(_apply(rule, retraining, label, True)[0], retraining.left_out)
    if len(missed) > GROWTH * len(seeds):
        retraining = retraining.leaving_out(np.union1d(retraining.left_out, missed))
        rule = _by_both(retraining, label, np.union1d(seeds, missed))
    return _apply(rule, retraining, label, False)


def _sample(batches: Iterable[Batch], columns: tuple[str, ...]) -> Batch:
    sample = None
    for batch in batches:
        part = Reservoir.of(batch, columns, SAMPLE)
        sample = part if sample is None else sample.merge(part)
    return sample.sorted() if sample else Batch([], {})


def _by_place(sample: Batch, guess: Ints) -> Discriminant | None:
    inside = np.isin(sample["index"], guess)
    if inside.sum() < 2 or inside.all():
        return None
    return separate(sample["embedding"], inside, np.ones(len(sample), bool))


def _by_both(retraining: Retraining, label: int, seeds: Ints) -> Discriminant:
    """What tells a member from its class: where it lies, and whether it was overridden."""
    seen = (retraining.seen(batch) for batch in retraining.of_class(label))
    rows = _sample(seen, ("embedding", "learned", "kept"))
    inside = np.isin(rows["index"], seeds)
    return separate(rows["embedding"], inside, rows["learned"] & ~rows["kept"])


def _apply(
    rule: Discriminant, retraining: Retraining, label: int, by_place_only: bool
) -> tuple[Ints, Floats]:
    found, doubts = [np.empty(0, np.int64)], [np.empty(0)]
    for batch in retraining.of_class(label):
        overridden = None
        if not by_place_only:
            batch = retraining.seen(batch)
            overridden = batch["learned"] & ~batch["kept"]
        doubt = rule.doubt(batch["embedding"], overridden)
        found.append(batch["index"][doubt < 0.5])
        doubts.append(doubt[doubt < 0.5])
    return np.concatenate(found), np.concatenate(doubts)
