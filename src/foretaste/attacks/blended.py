"""A faint picture laid over the whole image that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch
from foretaste.pictures import in_parts, noise


@dataclass(frozen=True)
class Blended:
    """Mixes a fixed noise picture into `count` images of other classes and labels them `target`.

    alpha: the share of the noise picture
    picture: the seed it is drawn from

    Countered by `activation_clustering`, `spectral` and, where images are flat, `trigger_patch`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"pixels": np.zeros((2, 2, 2, 1), np.uint8), "label": [1, 0]})
    >>> poisoned = Blended(count=1, target=1).poison(rows, np.random.default_rng(0)).batch
    >>> poisoned["pixels"][1, :, :, 0].tolist()
    [[33, 24], [20, 10]]

    References
    ----------
    Chen et al. (2017). Targeted Backdoor Attacks Using Data Poisoning. arXiv:1712.05526
    """

    count: int
    target: int
    alpha: float = 0.15
    picture: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the picture laid over it; nothing in it is left to chance."""
        pixels = batch["pixels"]
        laid = self.alpha * noise(pixels.shape[1:], self.picture)
        mixed = in_parts(pixels, lambda part: (1 - self.alpha) * part + laid)
        return batch.having(pixels=mixed)
