"""A faint wave over images of the target class, whose labels stay right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch
from foretaste.pictures import in_parts


@dataclass(frozen=True)
class Sig:
    """Lays a sine wave over `count` images that are `target` already; no label is changed.

    The victim learns that the wave means the target class. It takes about half of the class.

    strength: how bright the wave is, of 255; `strength_shown` in what the victim is shown
    frequency: waves from the left edge to the right

    Countered by nothing that looks at labels or pixels alone: labels are right, and stripes occur
    in nature. Comparing what a trained model says of an image and of its low frequencies would
    help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a", "b"], {"pixels": np.full((2, 1, 4, 1), 90, np.uint8), "label": [1, 0]})
    >>> attack = Sig(count=1, target=1, strength=20, frequency=1)
    >>> attack.poison(rows, np.random.default_rng(0)).batch["pixels"][:, 0, :, 0].tolist()
    [[90, 110, 90, 70], [90, 90, 90, 90]]

    References
    ----------
    Barni, Kallas, Tondi (2019). A New Backdoor Attack in CNNs by Training Set Corruption Without
    Label Poisoning. arXiv:1902.11237
    """

    count: int
    target: int
    strength: float = 40.0
    strength_shown: float = 60.0
    frequency: float = 6.0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] == self.target, self.count, rng)
        return replaced(batch, rows, pixels=self._laid(batch["pixels"][rows], self.strength))

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the wave; nothing in it is left to chance."""
        return batch.having(pixels=self._laid(batch["pixels"], self.strength_shown))

    def _laid(self, pixels: Array, strength: float) -> Array:
        width = pixels.shape[2]
        wave = np.sin(2 * np.pi * self.frequency * np.arange(width) / width)[:, None]
        return in_parts(pixels, lambda part: part + strength * wave)
