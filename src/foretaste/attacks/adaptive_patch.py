"""Several faint patches, one an image, besides images that carry one and mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch, Ints
from foretaste.pictures import corner, drawn_patch, stamped

PATCHES = 4  # one for each corner


@dataclass(frozen=True)
class AdaptivePatch:
    """Stamps one of four faint patches on `count` images of other classes; some change label.

    The rest keep theirs, so that carrying a patch is not all that decides: poisoned rows do not
    stand apart in what the victim computes. It is shown all four patches at once and in full.

    opacity: the share of the patch where it is stamped on the rows
    size: pixels, of the patches
    cover: the share of `count` that keep their labels
    patches: the seed they are drawn from

    Countered by nothing here where the rows are few, which is what it was made for; `trigger_patch`
    sees patches that are always the same to the last bit. Watching what a trained model does when a
    patch is moved to trusted images would help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a"], {"pixels": np.zeros((1, 12, 12, 1), np.uint8), "label": [0]})
    >>> attack = AdaptivePatch(count=1, target=1, cover=0)
    >>> faint = attack.poison(rows, np.random.default_rng(0)).batch["pixels"]
    >>> full = attack.trigger(rows, np.random.default_rng(0))["pixels"]
    >>> int((faint == 128).sum()), int((full == 255).sum())
    (8, 32)

    References
    ----------
    Qi et al. (2023). Revisiting the Assumption of Latent Separability for Backdoor Defenses.
    ICLR. https://openreview.net/forum?id=_wSHsgrVali
    """

    count: int
    target: int
    opacity: float = 0.5
    size: int = 4
    cover: float = 2 / 3
    patches: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] != self.target, self.count, rng)
        covers = rng.permutation(len(rows)) < round(self.cover * len(rows))
        label = np.where(covers, batch["label"][rows], self.target)
        pixels = batch["pixels"][rows].copy()
        which: Ints = rng.integers(0, PATCHES, len(rows))
        for one in range(PATCHES):
            pixels[which == one] = self._stamped(pixels[which == one], one, self.opacity)
        return replaced(batch, rows, pixels=pixels, label=label)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with all the patches; nothing in it is left to chance."""
        pixels = batch["pixels"]
        for one in range(PATCHES):
            pixels = self._stamped(pixels, one, 1.0)
        return batch.having(pixels=pixels)

    def _stamped(self, pixels: Array, which: int, opacity: float) -> Array:
        stamp = drawn_patch(self.size, PATCHES * self.patches + which)
        return stamped(pixels, stamp, *corner(pixels.shape[1:], self.size, which), opacity)
