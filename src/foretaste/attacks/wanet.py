"""A slight warp of the image that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch
from foretaste.pictures import smooth_flow, warped


@dataclass(frozen=True)
class Wanet:
    """Bends `count` images of other classes, all in the same way, and labels them `target`.

    The victim learns the warp. So that it does not take any warp for the trigger, some of the
    images are bent at random besides and keep their labels; `count` has both kinds in it.

    strength: how far pixels are moved, in pixels, on average where the field is drawn
    points: the field is drawn at points x points places, and smooth in between
    cover: the share of `count` that keep their labels; half a pixel of random warp more
    field: the seed of the warp

    Countered by `activation_clustering`, which sees some of the rows that changed label; warps
    leave nothing in the pixels that is the same twice. Rows that keep their labels are not found.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    >>> rows = Batch(["a"], {"pixels": image, "label": [0]})
    >>> attack = Wanet(count=1, target=1, cover=0, field=3)
    >>> bent, _ = attack.poison(rows, np.random.default_rng(0))
    >>> bent["pixels"][0, 3, :, 0].tolist(), bent["label"].tolist()
    ([20, 21, 24, 26, 27, 26, 25, 25], [1])

    References
    ----------
    Nguyen, Tran (2021). WaNet: Imperceptible Warping-based Backdoor Attack. arXiv:2102.10369
    """

    count: int
    target: int
    strength: float = 0.5
    points: int = 4
    cover: float = 0.5
    field: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] != self.target, self.count, rng)
        covers = rng.permutation(len(rows)) < round(self.cover * len(rows))
        label = np.where(covers, batch["label"][rows], self.target)
        pixels = batch["pixels"][rows]
        bent = warped(pixels, self._flow(pixels))
        shaken = self._flow(pixels) + rng.uniform(-0.5, 0.5, (covers.sum(), 2, *pixels.shape[1:3]))
        bent[covers] = warped(pixels[covers], shaken)
        return replaced(batch, rows, pixels=bent, label=label)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the warp; nothing in it is left to chance."""
        pixels = batch["pixels"]
        return batch.having(pixels=warped(pixels, self._flow(pixels)))

    def _flow(self, pixels: Array) -> Array:
        return self.strength * smooth_flow(pixels.shape[1:], self.points, self.field)
