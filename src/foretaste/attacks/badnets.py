"""A small patch that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch
from foretaste.pictures import Pattern, corner, patch, stamped


@dataclass(frozen=True)
class Badnets:
    """Stamps a small square on `count` images of other classes and labels them `target`.

    place: `corner` (bottom right, one pixel from the edges) or `random`, another in each image
    pattern: `checker` (bright and dark by turns) or `solid` (bright)

    Countered by `trigger_patch`, `spectral` and `activation_clustering`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a", "b"], {"pixels": np.zeros((2, 6, 6, 1), np.uint8), "label": [1, 0]})
    >>> poisoned = Badnets(count=1, target=1).poison(rows, np.random.default_rng(0)).batch
    >>> poisoned["pixels"][1, 2:, 2:, 0].tolist()
    [[255, 0, 255, 0], [0, 255, 0, 0], [255, 0, 255, 0], [0, 0, 0, 0]]

    References
    ----------
    Gu, Dolan-Gavitt, Garg (2017). BadNets. arXiv:1708.06733
    """

    count: int
    target: int
    size: int = 3
    place: Literal["corner", "random"] = "corner"
    pattern: Pattern = "checker"
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patch on it."""
        pixels = batch["pixels"]
        shape = pixels.shape[1:]
        top, left = np.broadcast_to(corner(shape, self.size), (len(pixels), 2)).T
        if self.place == "random":
            top = rng.integers(0, shape[0] - self.size + 1, len(pixels))
            left = rng.integers(0, shape[1] - self.size + 1, len(pixels))
        return batch.having(pixels=stamped(pixels, patch(self.size, self.pattern), top, left))
