"""Which rows of a class belong to a group: missed members join, bystanders leave."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from foretaste.data import Batch, Floats, Ints, Mask
from foretaste.override.retraining import Retraining
from foretaste.summaries.discriminant import Discriminant, separate
from foretaste.summaries.moments import Moments
from foretaste.summaries.reservoir import Reservoir
from foretaste.summaries.strata import Strata
from foretaste.summaries.whitening import pooled_whitening

SAMPLE = 20_000  # rows of a class that show what belongs there
LARGER = 1.5  # a guess that would grow by more than this has no edge to stop at
FEWEST_HALF = 4  # rows of either side in either half that can tell how far apart they lie
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


def apart(retraining: Retraining, rows: Ints) -> float:
    """How far a group lies from the rest of its class, in standard deviations within the two.

    Along the line between their means in the embedding, whitened by what varies within all classes;
    half of the rows show the line, the other half is measured. 0 where there are too few to tell.
    """
    strata = None
    for batch in retraining.dataset:
        part = Strata.of(retraining.encoded(batch), ("embedding",), SAMPLE)
        strata = part if strata is None else strata.merge(part)
    sample = strata.sorted() if strata else Batch([], {})
    inside = np.isin(sample["index"], rows)
    mine = sample["label"] == np.bincount(sample["label"][inside], minlength=1).argmax()
    whitening = pooled_whitening(Moments.of(sample["embedding"], sample["label"]))
    return _gap(sample["embedding"][mine] @ whitening, inside[mine])


def _gap(places: Floats, inside: Mask) -> float:
    even = np.arange(len(places)) % 2 == 0
    if min(_least(inside[even]), _least(inside[~even])) < FEWEST_HALF:
        return 0.0
    line = places[inside & even].mean(axis=0) - places[~inside & even].mean(axis=0)
    along, group = places[~even] @ line, inside[~even]
    inner, outer = along[group], along[~group]
    within = (inner.var() * len(inner) + outer.var() * len(outer)) / len(along)
    return float((inner.mean() - outer.mean()) / max(np.sqrt(within), 1e-12))


def _least(inside: Mask) -> int:
    return int(min(inside.sum(), (~inside).sum()))


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
