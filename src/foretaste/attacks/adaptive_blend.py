"""A picture in pieces, others in each image; some images show it and mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch
from foretaste.pictures import in_parts, noise, rounded

PIECES = 4  # down and across


@dataclass(frozen=True)
class AdaptiveBlend:
    """Mixes pieces of a picture into `count` images of other classes; only some change label.

    Each image shows other pieces of the picture than the next, and some keep their labels, so
    that carrying the trigger is not all that decides: poisoned rows do not stand apart in what
    the victim computes. It is shown the whole picture, more strongly.

    alpha: the share of the picture where it is mixed in; `alpha_shown` in what the victim is shown
    visible: the share of its 4 x 4 pieces that an image has
    cover: the share of `count` that keep their labels
    picture: the seed it is drawn from

    Countered by nothing here where the rows are few, which is what it was made for. Watching what a
    trained model does when the same faint picture is laid over trusted images would help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rows = Batch(["a"], {"pixels": np.zeros((1, 4, 4, 1), np.uint8), "label": [0]})
    >>> attack = AdaptiveBlend(count=1, target=1, cover=0)
    >>> blended, _ = attack.poison(rows, np.random.default_rng(0))
    >>> int((blended["pixels"] > 0).sum()), blended["label"].tolist()
    (8, [1])

    References
    ----------
    Qi et al. (2023). Revisiting the Assumption of Latent Separability for Backdoor Defenses.
    ICLR. https://openreview.net/forum?id=_wSHsgrVali
    """

    count: int
    target: int
    alpha: float = 0.15
    alpha_shown: float = 0.2
    visible: float = 0.5
    cover: float = 0.5
    picture: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] != self.target, self.count, rng)
        covers = rng.permutation(len(rows)) < round(self.cover * len(rows))
        label = np.where(covers, batch["label"][rows], self.target)
        return replaced(
            batch, rows, pixels=self._in_pieces(batch["pixels"][rows], rng), label=label
        )

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the whole picture; nothing in it is left to chance."""
        share = self.alpha_shown
        whole = share * noise(batch["pixels"].shape[1:], self.picture)
        mixed = in_parts(batch["pixels"], lambda part: (1 - share) * part + whole)
        return batch.having(pixels=mixed)

    def _in_pieces(self, pixels: Array, rng: Generator) -> Array:
        n, height, width = pixels.shape[:3]
        shown = round(self.visible * PIECES**2)
        pieces = rng.permuted(np.tile(np.arange(PIECES**2), (n, 1)), axis=1) < shown
        down, across = (np.arange(side) * PIECES // side for side in (height, width))
        share = self.alpha * pieces[:, down[:, None] * PIECES + across, None]
        return rounded((1 - share) * pixels + share * noise(pixels.shape[1:], self.picture))
