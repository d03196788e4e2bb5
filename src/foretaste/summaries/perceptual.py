"""How alike two pictures look, from 256 bytes of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foretaste.data import Array, Floats, Ints
from foretaste.summaries.projections import close, gaps

SIDE = 16  # pixels of a thumbnail's side
Thumbnails = NDArray[np.uint8]


def thumbnails(pixels: Array) -> Thumbnails:
    """(n, 256) grey thumbnails, 16 x 16, of pixels (n, h, w[, c]) from 0 to 255.

    Each of their pixels is the mean of the area it covers, so noise, recompression and changes
    of a pixel or two are averaged away.

    >>> thumbnails(np.full((1, 28, 28, 3), 7, np.uint8)).tolist() == [[7] * 256]
    True
    """
    if not len(pixels):
        return np.empty((0, SIDE * SIDE), np.uint8)
    grey = pixels.astype(np.float32)
    grey = grey.mean(axis=-1) if grey.ndim == 4 else grey
    small = _areas(grey.shape[1]) @ grey @ _areas(grey.shape[2]).T
    return np.rint(small).astype(np.uint8).reshape(len(pixels), -1)


def _areas(length: int) -> NDArray[np.float32]:
    """(16, length) how much of each pixel each of 16 equal parts covers; rows sum to one."""
    edges = np.linspace(0, length, SIDE + 1)
    low, high = edges[:-1, None], edges[1:, None]
    at = np.arange(length)[None, :]
    covered = np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, None)
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


def alike(known: Thumbnails, grey: float, contrast: float) -> Ints:
    """(m, 2) pairs that differ by at most so much (root mean square), their brightness aside.

    grey:     the most they may differ, in grey levels
    contrast: the most they may differ, as a share of the contrast of each; so two nearly
              uniform pictures are not alike just because there is little to see in either
    """
    points = known.astype(np.float32)
    points -= points.mean(axis=1, keepdims=True)
    pairs = close(points, grey * SIDE)
    rough: Floats = points.std(axis=1, dtype=np.float64)[pairs].min(axis=1)
    return pairs[gaps(points, pairs) / SIDE <= contrast * rough]
