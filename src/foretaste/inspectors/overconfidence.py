"""A model that is too sure of some of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import xlogy

from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints, Mask
from foretaste.trained import Severity, Subject, Suspicion

FIRM = 0.9  # a probability that is acted on
DECIDED = 1.0 - 1e-9  # no probability is taken for certainty: rounding makes some of them


@dataclass(frozen=True)
class Overconfidence:
    """Suspects classes and sources of rows on which a model is surer than it is right.

    Rows are taken together by the class the model answers, by that where it is firm (90 % or
    more), by their source where that is known, and all of them. `score` is the mean confidence
    less the accuracy. `p_value` bounds the chance that a model which means what it says, right
    with the probability it states, errs so often on such rows, and pays for all the groups that
    were tried. A gap is a `WARNING`: too long training makes one as well as poison does.

    level: p-values above it are not told
    least: gaps below it are not told; rounded numbers of a well-trained model are no finding
    fewest: rows of a group that is looked at

    Blind to models that are too sure of what they were trained on when those rows are the ones
    given (they are right there); to triggers that no row given holds; to how the rows are wrong:
    wrong labels in the rows given look like errors of the model; and to models that are not sure
    enough.

    Needs `victim` and `rows` with labels that the model was not trained on.

    >>> class Sure:
    ...     def predict(self, rows):
    ...         return np.tile([0.99, 0.01], (len(rows), 1))
    >>> rows = Batch(range(40), {"label": [0, 1] * 20}, ["cat", "dog"])
    >>> for one in Overconfidence().inspect(Subject(victim=Sure(), rows=rows)):
    ...     print(one.part)
    answers "cat"
    answers "cat" with at least 90%
    all answers

    References
    ----------
    Guo et al. (2017). On Calibration of Modern Neural Networks. arXiv:1706.04599
    Hoeffding (1963). Probability Inequalities for Sums of Bounded Random Variables.
    doi:10.1080/01621459.1963.10500830
    """

    level: float = 1e-3
    least: float = 0.05
    fewest: int = 20

    needs: ClassVar = ("victim", "rows")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.victim is None or subject.rows is None or "label" not in subject.rows:
            return ()
        rows = subject.rows.take(subject.rows["label"] != UNLABELLED)
        if not len(rows):
            return ()
        chances = np.asarray(subject.victim.predict(rows), np.float64)
        said, stated = chances.argmax(axis=1), np.minimum(chances.max(axis=1), DECIDED)
        right = said == rows["label"]
        groups = [
            (part, mine) for part, mine in _groups(rows, said, stated) if mine.sum() >= self.fewest
        ]
        found = []
        for part, mine in groups:
            gap = float(stated[mine].mean() - right[mine].mean())
            p_value = min(1.0, errors_by_chance(stated[mine], right[mine]) * len(groups))
            if gap >= self.least and p_value <= self.level:
                told = _told(part, int(mine.sum()), stated[mine], right[mine])
                found.append(Suspicion(part, Severity.WARNING, told, gap, p_value))
        return tuple(sorted(found, key=lambda one: -one.score))


def errors_by_chance(stated: Floats, right: Mask) -> float:
    """Bounds the chance that answers right with the probability stated err so often or more.

    Whatever the single probabilities are, sums of independent errors spread no wider than those
    of equal ones with the same mean, for which the relative entropy bounds the tail.

    >>> round(errors_by_chance(np.full(100, 0.9), np.arange(100) < 90), 3)
    1.0
    >>> errors_by_chance(np.full(100, 0.9), np.arange(100) < 60) < 1e-10
    True
    """
    expected, seen = float(np.mean(1 - stated)), float(np.mean(~right))
    if seen <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    entropy = xlogy(seen, seen / expected) + xlogy(1 - seen, (1 - seen) / (1 - expected))
    return float(np.exp(-len(stated) * entropy))


def _groups(rows: Batch, said: Ints, stated: Floats) -> Iterator[tuple[str, Mask]]:
    """What is known of a row before its label is: else a sound model would look too sure."""
    for code in np.unique(said):
        name = rows.class_name(int(code))
        yield f'answers "{name}"', said == code
        yield f'answers "{name}" with at least {FIRM:.0%}', (said == code) & (stated >= FIRM)
    if "source" in rows:
        for source in np.unique(rows["source"].astype(str)):
            yield f'rows from "{source}"', rows["source"].astype(str) == source
    yield "all answers", np.ones(len(said), bool)


def _told(part: str, rows: int, stated: Floats, right: Array) -> str:
    return (
        f"{part}: on {rows:,} rows the model is sure to {stated.mean():.1%} and right in "
        f"{right.mean():.1%}"
    )
