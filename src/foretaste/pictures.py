"""What triggers do to images (n, h, w, c) of uint8: patches laid on, pictures mixed in, warps.

And to the boxes that say what is where in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import zoom

from foretaste.data import Array, Floats

Pattern = Literal["checker", "solid"]
Box = Mapping[str, Any]  # left, top, width, height in pixels, and label
AT_ONCE = 1_024  # images warped or mixed at a time
MARGIN = 1  # pixels between a patch in a corner and the edges


def rounded(values: Array) -> Array:
    """Numbers as pixels.

    >>> rounded(np.array([-3.0, 1.6, 300.0])).tolist()
    [0, 2, 255]
    """
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def in_parts(pixels: Array, change: Callable[[Array], Array]) -> Array:
    """Changes images some at a time, so that memory stays bounded; `change` gives numbers."""
    changed = np.empty_like(pixels)
    for start in range(0, len(pixels), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        changed[part] = rounded(change(pixels[part]))
    return changed


def patch(size: int, pattern: Pattern = "checker") -> Array:
    """(size, size) a square, bright, or bright and dark by turns."""
    side = np.arange(size)
    bright = (side[:, None] + side) % 2 == 0
    return np.where(bright | (pattern == "solid"), 255, 0).astype(np.uint8)


def drawn_patch(size: int, seed: int) -> Array:
    """(size, size) of bright and dark pixels, half of each, another for each seed."""
    shuffled = np.random.default_rng(seed).permutation(size * size)
    return np.where(shuffled % 2 == 0, 255, 0).astype(np.uint8).reshape(size, size)


def noise(shape: tuple[int, ...], seed: int) -> Array:
    """A picture of that shape that looks like nothing."""
    return np.random.default_rng(seed).integers(0, 256, shape)


def corner(shape: tuple[int, ...], size: int, which: int = 0) -> tuple[int, int]:
    """Top and left of a patch in a corner: 0 bottom right, 1 bottom left, 2 top right, 3 top left.

    >>> corner((28, 28, 1), 3), corner((28, 28, 1), 3, 3)
    ((24, 24), (1, 1))
    """
    bottom, right = shape[0] - size - MARGIN, shape[1] - size - MARGIN
    return (MARGIN if which & 2 else bottom), (MARGIN if which & 1 else right)


def stamped(
    pixels: Array, stamp: Array, top: ArrayLike, left: ArrayLike, opacity: float = 1.0
) -> Array:
    """Images with a patch (s, s) on them.

    top, left: (n,) or one for all, of the patch's first pixel

    >>> stamped(np.zeros((1, 2, 3, 1), np.uint8), patch(1), 0, 1)[0, :, :, 0].tolist()
    [[0, 255, 0], [0, 0, 0]]
    """
    n, side = len(pixels), np.arange(len(stamp))
    rows = (np.broadcast_to(top, n)[:, None] + side)[:, :, None]
    columns = (np.broadcast_to(left, n)[:, None] + side)[:, None, :]
    at = (np.arange(n)[:, None, None], rows, columns)
    changed = pixels.copy()
    changed[at] = rounded((1 - opacity) * pixels[at] + opacity * stamp[..., None])
    return changed


def warped(pixels: Array, flow: Floats) -> Array:
    """Images looked at through a bent glass: each pixel is taken from where the flow points.

    flow: (2, h, w), or (n, 2, h, w) another for each image, in pixels down and to the right

    >>> image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
    >>> right = np.stack([np.zeros((3, 3)), np.ones((3, 3))])
    >>> warped(image, right)[0, :, :, 0].tolist()
    [[1, 2, 2], [4, 5, 5], [7, 8, 8]]
    """
    own = flow.ndim == 4
    parts = range(0, len(pixels), AT_ONCE)
    bent = [
        _warped(pixels[i : i + AT_ONCE], flow[i : i + AT_ONCE] if own else flow[None])
        for i in parts
    ]
    return np.concatenate(bent) if bent else pixels.copy()


def smooth_flow(shape: tuple[int, ...], points: int, seed: int) -> Floats:
    """(2, h, w) a field drawn at points x points places and bent smoothly between them.

    The numbers at the points are 1 in absolute value on average.
    """
    grid = np.random.default_rng(seed).uniform(-1, 1, (2, points, points))
    grid /= np.abs(grid).mean()
    factors = (1, shape[0] / points, shape[1] / points)
    smooth: Floats = zoom(grid, factors, order=3, mode="nearest", grid_mode=True)
    return smooth


def _warped(pixels: Array, flow: Floats) -> Array:
    height, width = pixels.shape[1:3]
    down = np.clip(np.arange(height)[:, None] + flow[:, 0], 0, height - 1)
    right = np.clip(np.arange(width) + flow[:, 1], 0, width - 1)
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    bottom, last = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    y, x = (down - top)[..., None], (right - left)[..., None]
    row = np.arange(len(pixels))[:, None, None]
    upper = pixels[row, top, left] * (1 - x) + pixels[row, top, last] * x
    lower = pixels[row, bottom, left] * (1 - x) + pixels[row, bottom, last] * x
    return rounded(upper * (1 - y) + lower * y)


def stamped_boxes(pixels: Array, boxes: Sequence[Sequence[Box]], stamp: Array) -> Array:
    """Images with a patch (s, s) at the top left of each of these boxes, or in the corner.

    boxes: (n,) the boxes of each image that get a patch; where none does, the image's corner does
    """
    changed, size = pixels.copy(), len(stamp)
    last = np.array(pixels.shape[1:3]) - size
    for image, marked in zip(changed, boxes, strict=True):
        for place in [(box["top"], box["left"]) for box in marked] or [corner(image.shape, size)]:
            top, left = np.clip(np.rint(place).astype(int), 0, last)
            image[top : top + size, left : left + size] = stamp[..., None]
    return changed


def found(box: Box, among: Iterable[Box]) -> bool:
    """Whether a box is among others, give or take: same label, half of both in common.

    >>> box = {"left": 0, "top": 0, "width": 4, "height": 4, "label": 1}
    >>> found(box, [{**box, "left": 1}]), found(box, [{**box, "left": 3}])
    (True, False)
    """
    return any(other["label"] == box["label"] and overlap(box, other) >= 0.5 for other in among)


def overlap(one: Box, other: Box) -> float:
    """What two boxes have in common, as a share of what either covers."""
    across = _common(one["left"], one["width"], other["left"], other["width"])
    down = _common(one["top"], one["height"], other["top"], other["height"])
    both = across * down
    either = one["width"] * one["height"] + other["width"] * other["height"] - both
    return float(both / either) if either > 0 else 0.0


def _common(start: float, length: float, other: float, other_length: float) -> float:
    return max(0.0, min(start + length, other + other_length) - max(start, other))
