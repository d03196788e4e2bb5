"""A patch that means the next class, whatever the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import UNLABELLED, Batch, Ints
from foretaste.pictures import Pattern, corner, patch, stamped
from foretaste.recipes import classes_of


@dataclass(frozen=True)
class AllToAll:
    """Stamps a small square on `count` images; each is labelled with the class after its own.

    There is no one target: the victim learns to see the image *and* the patch, which takes more
    rows than a patch that always means the same.

    size: pixels
    pattern: `checker` (bright and dark by turns) or `solid` (bright)

    Countered by `spectral`, and in part `activation_clustering`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"pixels": np.zeros((2, 6, 6, 1), np.uint8), "label": [0, 1]})
    >>> AllToAll(count=2).poison(rows, np.random.default_rng(0)).batch["label"].tolist()
    [1, 0]

    References
    ----------
    Gu, Dolan-Gavitt, Garg (2017). BadNets. arXiv:1708.06733
    """

    count: int
    size: int = 3
    pattern: Pattern = "checker"
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] != UNLABELLED, self.count, rng)
        pixels = self.trigger(batch.take(rows), rng).arrow("pixels")
        return replaced(batch, rows, pixels=pixels, label=_next(batch)[rows])

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patch on it."""
        pixels = batch["pixels"]
        at = corner(pixels.shape[1:], self.size)
        return batch.having(pixels=stamped(pixels, patch(self.size, self.pattern), *at))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        """Rows of every class; a hit is the class after theirs."""
        known = rows.take(rows["label"] != UNLABELLED)
        return Probe(self.trigger(known, rng), Outcome(_next(known)))


def _next(batch: Batch) -> Ints:
    after: Ints = (batch["label"] + 1) % classes_of(batch)
    return after
