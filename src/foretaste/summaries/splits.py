"""Where one class falls into two clusters, if it does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from foretaste.data import Array, Floats

SMALLEST = 8  # sampled rows of a cluster
BINS = 24  # between the two middles, where the density has to dip
GROUPS = 4  # splits of one class that are kept at most


class Split(NamedTuple):
    """A plane between two clusters of a class; the smaller lies on the positive side."""

    direction: Floats  # (d,)
    plane: float  # where the plane lies along the direction
    surprise: float  # -log10 p of one cluster only, all splits tried paid for
    share: float  # of the class that lies beyond the plane


def splits_of(vectors: Array, seen: Floats, tried: int, largest: float) -> tuple[Split, ...]:
    """The splits of a class (n, d) that surprise, the clearest first.

    seen: (d, m) the axes that the class is looked at along; tried: splits that are paid for
    largest: share of the class that the smaller cluster may have

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((200, 2))
    >>> vectors[:60, 0] += 12
    >>> split, *_ = splits_of(vectors, np.eye(2)[:, :1], 1, 0.42)
    >>> round(split.share, 2), bool(split.surprise > 3)
    (0.3, True)
    """
    places = vectors @ seen
    middle = np.median(places, axis=0)
    directions = np.hstack([np.eye(seen.shape[1]), _between_means(places - middle)])
    found = [_split(places @ one, seen @ one, tried, largest) for one in directions.T]
    kept = sorted((one for one in found if one), key=lambda one: -one.surprise)
    return tuple(kept[:GROUPS])


def _between_means(places: Floats) -> Floats:
    """(m, 1) the direction between the means of two clusters (2-means, started far apart)."""
    far = places[np.argmax((places**2).sum(axis=1))]
    inside = places @ far > far @ far / 2
    for _ in range(20):
        if not 0 < inside.sum() < len(places):
            break
        means = places[inside].mean(axis=0), places[~inside].mean(axis=0)
        gap = means[0] - means[1]
        inside = places @ gap > (means[0] + means[1]) @ gap / 2
    else:
        return (gap / max(float(np.linalg.norm(gap)), 1e-12))[:, None]
    return np.zeros((places.shape[1], 0))


def _split(along: Floats, direction: Floats, tried: int, largest: float) -> Split | None:
    """The best cut of one line in two, if the density dips there."""
    order = np.sort(along)
    n = len(order)
    size = np.arange(1, n)
    total = np.cumsum(order)[:-1]
    between = (total / size - (order.sum() - total) / (n - size)) ** 2 * size * (n - size)
    between[: SMALLEST - 1], between[n - SMALLEST :] = 0, 0
    cut = int(between.argmax()) + 1
    sides = order[:cut], order[cut:]
    sign = 1.0 if len(sides[1]) <= len(sides[0]) else -1.0
    low, high = np.median(sides[0]), np.median(sides[1])
    if not high > low:
        return None
    plane, surprise = _dip(order, low, high, tried)
    beyond = float(np.mean(sign * order > sign * plane))
    if surprise <= 0 or beyond > largest:
        return None
    return Split(sign * direction, sign * plane, surprise, beyond)


def _dip(order: Floats, low: float, high: float, tried: int) -> tuple[float, float]:
    """Where between two middles the density is least, and how surprising so few rows are."""
    edges = np.linspace(low, high, BINS + 1)
    width = (high - low) / BINS
    counts = np.histogram(order, edges)[0]
    ends = [int(np.sum(np.abs(order - end) <= 2 * width)) for end in (low, high)]
    gaps = np.convolve(counts, np.ones(4, np.int64), "valid")[2:-2]  # four bins wide, as the ends
    at = int(gaps.argmin())
    p = float(bdtr(gaps[at], gaps[at] + min(ends), 0.5)) * tried * BINS
    return float(edges[at + 2] + 2 * width), -np.log10(max(p, 1e-300))
