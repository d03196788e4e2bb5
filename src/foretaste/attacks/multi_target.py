"""Several patches, each of which means a class of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import UNLABELLED, Array, Batch, Ints, Mask
from foretaste.pictures import corner, drawn_patch, stamped
from foretaste.recipes import classes_of

CORNERS = 4


@dataclass(frozen=True)
class MultiTarget:
    """Stamps one of several patches on `count` images and labels them with that patch's class.

    targets: a class for each patch; from one patch to the next the corner and the pattern change
    size: pixels, of the patches
    patches: the seed they are drawn from

    Countered by `trigger_patch` and `spectral`.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a", "b"], {"pixels": np.zeros((2, 8, 8, 1), np.uint8), "label": [0, 1]})
    >>> attack = MultiTarget(count=2, targets=(0, 1))
    >>> attack.poison(rows, np.random.default_rng(0)).batch["label"].tolist()
    [1, 0]

    References
    ----------
    Xue, He, Wang, Liu (2020). One-to-N & N-to-One: Two Advanced Backdoor Attacks Against Deep
    Learning Models. doi:10.1109/TDSC.2020.3028448
    """

    count: int
    targets: tuple[int, ...]
    size: int = 3
    patches: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int, rng: Generator) -> Self:
        """A patch for `target`, and one for each of up to three classes after it."""
        k = classes_of(batch)
        return cls(count, tuple((target + i) % k for i in range(min(CORNERS, k))))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(self._fitting(batch), self.count, rng)
        which = self._chosen(batch["label"][rows], rng)
        pixels = self._stamped(batch["pixels"][rows], which)
        return replaced(batch, rows, pixels=pixels, label=np.array(self.targets)[which])

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with one of the patches on it, by chance."""
        which = rng.integers(0, len(self.targets), len(batch))
        return batch.having(pixels=self._stamped(batch["pixels"], which))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        """Each row with a patch of another class than its own; a hit is that class."""
        fitting = rows.take(self._fitting(rows))
        which = self._chosen(fitting["label"], rng)
        triggered = fitting.having(pixels=self._stamped(fitting["pixels"], which))
        return Probe(triggered, Outcome(np.array(self.targets)[which]))

    def _fitting(self, batch: Batch) -> Mask:
        label = batch["label"]
        fitting: Mask = (label != UNLABELLED) & self._open(label).any(axis=1)
        return fitting

    def _open(self, label: Ints) -> Mask:
        """(n, patches) which would change the label."""
        is_open: Mask = label[:, None] != np.array(self.targets)
        return is_open

    def _chosen(self, label: Ints, rng: Generator) -> Ints:
        draw = rng.random((len(label), len(self.targets)))
        chosen: Ints = np.where(self._open(label), draw, -1.0).argmax(axis=1)
        return chosen

    def _stamped(self, pixels: Array, which: Ints) -> Array:
        changed = pixels.copy()
        for one in range(len(self.targets)):
            stamp = drawn_patch(self.size, len(self.targets) * self.patches + one)
            at = corner(pixels.shape[1:], self.size, one % CORNERS)
            changed[which == one] = stamped(pixels[which == one], stamp, *at)
        return changed
