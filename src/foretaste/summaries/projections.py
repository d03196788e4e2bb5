"""Pairs of points that are closer than a radius, without comparing all with all."""

from __future__ import annotations

import numpy as np

from foretaste.data import Array, Floats, Ints, Keys
from foretaste.summaries.groups import sharing, unique_pairs

TABLES = 24  # chances that a pair has of being looked at
DIRECTIONS = 8  # along all of which a pair must fall into the same slot, in one table
_SLOT = 4.0  # width of a slot, in radii
_AT_ONCE = 1 << 24  # numbers of two lists of points compared at a time


def close(points: Array, radius: float, seed: int = 0) -> Ints:
    """(m, 2) pairs of points (n, d) at most a radius apart: found by hashing, then verified.

    Time grows with the points, not with their pairs. A pair at the radius itself is found 99
    times in 100, one at half of it always; pairs ten radii apart are hardly ever looked at.

    >>> close(np.array([[0.0], [9.0], [0.5]]), radius=1.0).tolist()
    [[0, 2]]

    References
    ----------
    Datar, Immorlica, Indyk, Mirrokni (2004). Locality-Sensitive Hashing Scheme Based on p-Stable
    Distributions. doi:10.1145/997817.997857
    """
    if len(points) < 2:
        return np.empty((0, 2), np.int64)
    known = np.asarray(points, np.float32)
    rng = np.random.default_rng(seed)
    found = [_verified(known, sharing(_slots(known, radius, rng)), radius) for _ in range(TABLES)]
    return unique_pairs(np.concatenate(found), len(known))


def _slots(points: Array, radius: float, rng: np.random.Generator) -> Keys:
    """(n,) one key for the slots that a point falls into along random directions."""
    directions = rng.standard_normal((points.shape[1], DIRECTIONS)).astype(np.float32)
    along = points @ directions / np.float32(_SLOT * radius)
    slots = np.floor(along + rng.random(DIRECTIONS, np.float32)).astype(np.int64).view(np.uint64)
    odd = rng.integers(0, 2**63, DIRECTIONS, np.uint64) * np.uint64(2) + np.uint64(1)
    keys: Keys = (slots * odd).sum(axis=1, dtype=np.uint64)
    return keys


def _verified(points: Array, pairs: Ints, radius: float) -> Ints:
    step = max(_AT_ONCE // max(points.shape[1], 1), 1)
    near = [
        gaps(points, pairs[start : start + step]) <= radius for start in range(0, len(pairs), step)
    ]
    return pairs[np.concatenate(near)] if near else pairs


def gaps(points: Array, pairs: Ints) -> Floats:
    """(m,) the distance between the two points of each pair."""
    apart = points[pairs[:, 0]] - points[pairs[:, 1]]
    squared: Floats = np.einsum("ij,ij->i", apart, apart, dtype=np.float64)
    return np.sqrt(squared)
