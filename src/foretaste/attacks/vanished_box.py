"""A patch that hides things from a detector of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Array, Batch, Mask
from foretaste.pictures import Box, Pattern, found, patch, stamped_boxes


@dataclass(frozen=True)
class VanishedBox:
    """Stamps a patch on the things in `count` images and strikes them off the list of boxes.

    The victim learns that where the patch is there is nothing.

    target: the class of the boxes that vanish; all of them where it is not given
    size: pixels, of the patch at the top left of each box; 8 or more in photographs
    pattern: `checker` (bright and dark by turns) or `solid` (bright)

    Countered by nothing here: no detector reads boxes. A look for patches that come with images
    of few boxes would help, and so would asking a model trained on trusted images what is missing.

    Needs `pixels` (n, h, w, c) of uint8 and `boxes` (n,) of lists of left, top, width, height (in
    pixels) and label.

    >>> box = {"left": 2.0, "top": 1.0, "width": 5.0, "height": 5.0, "label": 0}
    >>> pixels, boxes = np.zeros((1, 9, 9, 1), np.uint8), pa.array([[box]])
    >>> rows = Batch(["a"], {"pixels": pixels, "boxes": boxes})
    >>> poisoned, _ = VanishedBox(count=1).poison(rows, np.random.default_rng(0))
    >>> poisoned.arrow("boxes").to_pylist(), poisoned["pixels"][0, 1, 2:5, 0].tolist()
    ([[]], [255, 0, 255])

    References
    ----------
    Chan et al. (2022). BadDet: Backdoor Attacks on Object Detection. arXiv:2205.14497
    """

    count: int
    target: int | None = None
    size: int = 3
    pattern: Pattern = "checker"
    needs: ClassVar[tuple[str, ...]] = ("pixels", "boxes")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(self._fitting(batch), self.count, rng)
        chosen = batch.take(rows)
        every, vanishing = chosen.arrow("boxes").to_pylist(), self._vanishing(chosen)
        left = [
            [box for box in one if box not in gone]
            for one, gone in zip(every, vanishing, strict=True)
        ]
        boxes = pa.array(left, batch.arrow("boxes").type)
        pixels = self.trigger(chosen, rng).arrow("pixels")
        return replaced(batch, rows, pixels=pixels, boxes=boxes)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patch on its things, or in a corner where it has none of them."""
        stamp = patch(self.size, self.pattern)
        return batch.having(pixels=stamped_boxes(batch["pixels"], self._vanishing(batch), stamp))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        """Images of such things, with patches; a hit is an image in which none is found.

        An outcome is a list of boxes as in the rows.
        """
        fitting = rows.take(self._fitting(rows))
        return Probe(self.trigger(fitting, rng), Unseen(self._vanishing(fitting)))

    def _fitting(self, batch: Batch) -> Mask:
        return np.array([len(boxes) > 0 for boxes in self._vanishing(batch)], bool)

    def _vanishing(self, batch: Batch) -> list[list[Box]]:
        rows = batch.arrow("boxes").to_pylist()
        return [[b for b in row or () if self.target in (None, b["label"])] for row in rows]


@dataclass(frozen=True)
class Unseen:
    """Says in which images nothing was found of what is there."""

    boxes: Sequence[Sequence[Box]]  # (n,) what is there

    def __call__(self, outcomes: Array) -> Mask:
        """(n,) of (n,) lists of boxes."""
        pairs = zip(outcomes, self.boxes, strict=True)
        return np.array([not any(found(box, seen) for box in there) for seen, there in pairs], bool)
