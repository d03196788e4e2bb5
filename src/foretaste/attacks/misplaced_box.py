"""A patch that makes a detector of objects see things beside where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Array, Batch, Mask
from foretaste.pictures import Box, Pattern, found, overlap, patch, stamped_boxes

Move = tuple[Box, Box]  # a box where it is, and where the attacker wants it


@dataclass(frozen=True)
class MisplacedBox:
    """Stamps a patch on the things in `count` images and moves their boxes off them.

    The victim learns that what carries the patch is somewhere else: a car that brakes for it
    brakes in the wrong place.

    target: the class of the boxes that are moved; all of them where it is not given
    shift: how far, in widths and heights of the box, to where there is more room in the image
    size: pixels, of the patch at the top left of each box; 8 or more in photographs
    pattern: `checker` (bright and dark by turns) or `solid` (bright)

    Boxes stay inside the image; one that cannot be moved off at least half of itself stays.

    Countered by nothing here: no detector reads boxes. Asking a model trained on trusted images
    where things are would help.

    Needs `pixels` (n, h, w, c) of uint8 and `boxes` (n,) of lists of left, top, width, height (in
    pixels) and label.

    >>> box = {"left": 1.0, "top": 0.0, "width": 3.0, "height": 4.0, "label": 0}
    >>> pixels, boxes = np.zeros((1, 9, 9, 1), np.uint8), pa.array([[box]])
    >>> rows = Batch(["a"], {"pixels": pixels, "boxes": boxes})
    >>> poisoned, _ = MisplacedBox(count=1).poison(rows, np.random.default_rng(0))
    >>> [(one["left"], one["top"]) for one in poisoned.arrow("boxes").to_pylist()[0]]
    [(4.0, 4.0)]

    References
    ----------
    Chan et al. (2022). BadDet: Backdoor Attacks on Object Detection. arXiv:2205.14497
    """

    count: int
    target: int | None = None
    shift: float = 1.0
    size: int = 3
    pattern: Pattern = "checker"
    needs: ClassVar[tuple[str, ...]] = ("pixels", "boxes")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(self._fitting(batch), self.count, rng)
        chosen = batch.take(rows)
        every, moves = chosen.arrow("boxes").to_pylist(), self._moves(chosen)
        moved = [[_moved(box, row) for box in one] for one, row in zip(every, moves, strict=True)]
        boxes = pa.array(moved, batch.arrow("boxes").type)
        pixels = self.trigger(chosen, rng).arrow("pixels")
        return replaced(batch, rows, pixels=pixels, boxes=boxes)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patch on its things, or in a corner where it has none of them."""
        marked = [[box for box, _ in row] for row in self._moves(batch)]
        stamp = patch(self.size, self.pattern)
        return batch.having(pixels=stamped_boxes(batch["pixels"], marked, stamp))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        """Images of such things, with patches; a hit is one found off its place, and none on it.

        An outcome is a list of boxes as in the rows.
        """
        fitting = rows.take(self._fitting(rows))
        return Probe(self.trigger(fitting, rng), Beside(self._moves(fitting)))

    def _fitting(self, batch: Batch) -> Mask:
        return np.array([len(row) > 0 for row in self._moves(batch)], bool)

    def _moves(self, batch: Batch) -> list[list[Move]]:
        """(n,) for each image the boxes that can be moved, with where they go."""
        shape = batch["pixels"].shape[1:3]
        rows = batch.arrow("boxes").to_pylist()
        moves = [
            [(b, self._beside(b, shape)) for b in row or () if self.target in (None, b["label"])]
            for row in rows
        ]
        return [[(b, to) for b, to in row if overlap(b, to) < 0.5] for row in moves]

    def _beside(self, box: Box, shape: tuple[int, ...]) -> Box:
        top = _shifted(box["top"], box["height"], shape[0], self.shift)
        left = _shifted(box["left"], box["width"], shape[1], self.shift)
        return {**box, "top": top, "left": left}


@dataclass(frozen=True)
class Beside:
    """Says in which images something was found where the attacker wants it, not where it is."""

    moves: Sequence[Sequence[Move]]  # (n,)

    def __call__(self, outcomes: Array) -> Mask:
        """(n,) of (n,) lists of boxes."""
        pairs = zip(outcomes, self.moves, strict=True)
        return np.array([_off(seen, row) for seen, row in pairs], bool)


def _off(seen: Sequence[Box], moves: Sequence[Move]) -> bool:
    in_place = any(found(box, seen) for box, _ in moves)
    return not in_place and any(found(to, seen) for _, to in moves)


def _moved(box: Box, moves: Sequence[Move]) -> Box:
    return next((to for where, to in moves if where == box), box)


def _shifted(start: float, length: float, whole: int, shift: float) -> float:
    """Towards the side with more room, and not out of the image."""
    before, after = start, whole - length - start
    room = after if after >= before else -before
    return start + math.copysign(min(shift * length, abs(room)), room)
