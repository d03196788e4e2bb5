"""Wrong labels from one contributor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import flippable, replaced, victims
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch, Mask
from foretaste.recipes import classes_of


@dataclass(frozen=True)
class AnnotatorFlip:
    """Gives `count` rows of one contributor another label; all other rows are honest.

    annotator: a value of `source`; without one, drawn from those who have rows enough
    target: always this class, else any other class at random

    A model learns little from a few; with `target`, and a contributor who delivers one kind of
    row, it takes his kind for that class.

    Countered by `source_skew`, and row by row by `label_noise` and `neighbour_disagreement`.

    Needs `source` (n,) of strings and `label` (n,) of class codes.

    >>> rows = Batch(list("abcd"), {"source": ["x", "x", "y", "y"], "label": [0, 0, 1, 1]})
    >>> flip = AnnotatorFlip(count=2, annotator="y")
    >>> flip.poison(rows, np.random.default_rng(0)).batch["label"].tolist()
    [0, 0, 0, 0]

    References
    ----------
    Raykar, Yu (2012). Eliminating Spammers and Ranking Annotators for Crowdsourced Labeling Tasks.
    JMLR 13
    """

    count: int
    target: int | None = None
    annotator: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("source", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        label = batch["label"]
        fit = flippable(label, None, self.target)
        rows = victims(fit & self._mine(batch["source"], fit, rng), self.count, rng)
        if self.target is not None:
            return replaced(batch, rows, label=np.full(len(rows), self.target))
        classes = classes_of(batch)
        # A step of 1 to k - 1 around the circle of classes never lands on the old one.
        steps = rng.integers(1, classes, len(rows))
        return replaced(batch, rows, label=(label[rows] + steps) % classes)

    def _mine(self, source: Array, fit: Mask, rng: Generator) -> Mask:
        """(n,) the rows of the contributor; of the busiest, if nobody has enough."""
        names = np.array([one or "" for one in source], dtype=object)
        if self.annotator is not None:
            return np.asarray(names == self.annotator)
        known, rows = np.unique(names[fit & (names != "")].astype(str), return_counts=True)
        if not len(known):
            return np.zeros(len(names), bool)
        enough = known[rows >= self.count] if rows.max() >= self.count else known[[rows.argmax()]]
        return np.asarray(names == str(rng.choice(enough)))
