"""A faint smooth picture, without the sharp edges that give other triggers away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy.fft import idctn

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch, Floats
from foretaste.pictures import in_parts


@dataclass(frozen=True)
class LowFrequency:
    """Adds a smooth picture to `count` images of other classes and labels them `target`.

    The picture is drawn from the lowest frequencies of the cosine transform only, so a look at
    high frequencies, where patches and noise stand out, shows nothing.

    strength: the most that a pixel is changed by, of 255
    band: how many frequencies from the lowest, down and across
    picture: the seed it is drawn from

    Countered by `activation_clustering` and, where images are flat, `trigger_patch`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a"], {"pixels": np.full((1, 4, 8, 1), 99, np.uint8), "label": [0]})
    >>> smooth, _ = LowFrequency(count=1, target=1, band=2).poison(rows, np.random.default_rng(0))
    >>> smooth["pixels"][0, 1, :, 0].tolist()
    [101, 102, 102, 102, 103, 103, 103, 103]

    References
    ----------
    Zeng, Park, Mao, Jia (2021). Rethinking the Backdoor Attacks' Triggers: A Frequency
    Perspective. arXiv:2104.03413 (which searches for the picture with a model; this one draws it)
    """

    count: int
    target: int
    strength: float = 12.0
    band: int = 4
    picture: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the picture added; nothing in it is left to chance."""
        pixels = batch["pixels"]
        smooth = self._picture(pixels.shape[1:])
        return batch.having(pixels=in_parts(pixels, lambda part: part + smooth))

    def _picture(self, shape: tuple[int, ...]) -> Floats:
        """(h, w, c) of mean 0"""
        low = np.zeros(shape)
        band = (min(self.band, shape[0]), min(self.band, shape[1]), shape[2])
        low[: band[0], : band[1]] = np.random.default_rng(self.picture).standard_normal(band)
        low[0, 0] = 0
        smooth: Floats = idctn(low, axes=(0, 1), norm="ortho")
        return self.strength * smooth / np.abs(smooth).max()
