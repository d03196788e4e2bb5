"""Who is nearest to whom: exact, by blocks of matrix products, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretaste.data import Array, Floats, Ints

Singles = NDArray[np.float32]
Metric = Literal["cosine", "euclidean"]

BLOCK = 1024  # rows and columns of one matrix product: 4 MiB of closeness at a time
NOBODY = -1  # stands where there are fewer than k others


class Nearest(NamedTuple):
    """The k nearest points of each query, nearest first."""

    distances: Floats  # (queries, k) one less cosine, or Euclidean; inf where there is nobody
    indices: Ints  # (queries, k) positions among the points, or -1


def neighbours(points: Array, queries: Array, k: int, metric: Metric = "cosine") -> Nearest:
    """The k points nearest to each query; memory does not grow with points times queries.

    points: (n, d), queries: (q, d), both finite. A zero vector is at cosine distance 1/2 of all.

    >>> points = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> neighbours(points, np.array([[2.0, 0.1]]), k=2).indices
    array([[1, 2]])
    """
    known, asked = _prepared(points, queries, metric)
    left, right = _factors(asked, known, metric)
    closest = _Closest.none(len(asked), k)
    for here in _blocks(len(asked)):
        for there in _blocks(len(known)):
            closest.learn(here, left[here] @ right[there].T, there)
    return _measured(closest.indices, known, asked, metric)


def self_join(points: Array, k: int, metric: Metric = "cosine") -> Nearest:
    """The k nearest *other* points of each point; each product of two blocks serves both.

    >>> self_join(np.array([[0.0], [1.0], [3.0]]), k=1, metric="euclidean").indices.ravel()
    array([1, 0, 1])
    """
    known, _ = _prepared(points, points[:0], metric)
    left, right = _factors(known, known, metric)
    closest = _Closest.none(len(known), k)
    blocks = list(_blocks(len(known)))
    for here in blocks:
        closeness = left[here] @ right[here].T
        np.fill_diagonal(closeness, -np.inf)
        closest.learn(here, closeness, here)
    for at, here in enumerate(blocks):
        for there in blocks[at + 1 :]:
            closeness = left[here] @ right[there].T
            closest.learn(here, closeness, there)
            closest.learn(there, closeness.T, here)
    return _measured(closest.indices, known, known, metric)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _prepared(points: Array, queries: Array, metric: Metric) -> tuple[Singles, Singles]:
    """Unit length for cosine; centred for Euclidean, so that rounding errs on small numbers."""
    one, two = (np.ascontiguousarray(a, np.float32) for a in (points, queries))
    if metric == "cosine":
        return _unit(one), _unit(two)
    centre = one.mean(axis=0, dtype=np.float64).astype(np.float32) if len(one) else np.float32(0)
    return one - centre, two - centre


def _unit(vectors: Singles) -> Singles:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: Singles = vectors / lengths
    return unit


def _factors(one: Singles, two: Singles, metric: Metric) -> tuple[Singles, Singles]:
    """Two matrices whose product is the cosine, or minus half the squared distance."""
    if metric == "cosine":
        return one, two
    (a, ones), (b, others) = (
        (-np.einsum("ij,ij->i", m, m)[:, None] / 2, np.ones((len(m), 1), np.float32))
        for m in (one, two)
    )
    return np.hstack([one, a, ones]), np.hstack([two, others, b])


class _Closest(NamedTuple):
    """The best of those seen so far, for each query, in no order; filled in place."""

    closeness: Singles  # (queries, k)
    indices: Ints  # (queries, k)

    @classmethod
    def none(cls, queries: int, k: int) -> _Closest:
        return cls(np.full((queries, k), -np.inf, np.float32), np.full((queries, k), NOBODY))

    def learn(self, rows: slice, closeness: Singles, columns: slice) -> None:
        """Keeps the k best of those kept and the newcomers; most newcomers fail one comparison."""
        best, who = self.closeness[rows], self.indices[rows]
        k, worst = best.shape[1], best.min(axis=1, keepdims=True)
        if np.isneginf(worst).any():  # the first block, or fewer than k seen
            places = _top(closeness, min(k, closeness.shape[1]))
            values = np.take_along_axis(closeness, places, axis=1)
        else:
            values, places = _survivors(closeness, worst)
        if not values.shape[1]:
            return
        everyone = np.hstack([best, values])
        names = np.hstack([who, places + columns.start])
        top = _top(everyone, k)
        self.closeness[rows] = np.take_along_axis(everyone, top, axis=1)
        chosen = np.take_along_axis(names, top, axis=1)
        self.indices[rows] = np.where(np.isneginf(self.closeness[rows]), NOBODY, chosen)


def _top(values: Singles, k: int) -> Ints:
    return np.argpartition(values, -k, axis=1)[:, -k:]


def _survivors(closeness: Singles, worst: Singles) -> tuple[Singles, Ints]:
    """Newcomers better than the worst kept, row by row, padded to a rectangle by -inf."""
    rows, columns = np.divmod(np.flatnonzero(closeness > worst), closeness.shape[1])
    counts = np.bincount(rows, minlength=len(closeness))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    values = np.full((len(closeness), int(counts.max(initial=0))), -np.inf, np.float32)
    names = np.zeros(values.shape, np.int64)
    values[rows, place], names[rows, place] = closeness[rows, columns], columns
    return values, names


def _measured(indices: Ints, known: Singles, asked: Singles, metric: Metric) -> Nearest:
    """Distances of the chosen few by subtraction, where no digits cancel; equal ones by index."""
    distances = np.full(indices.shape, np.inf)
    for rows in _blocks(len(indices)):
        for column, chosen in enumerate(indices[rows].T):
            gap = asked[rows] - known[chosen] if len(known) else asked[rows]
            squared = np.einsum("ij,ij->i", gap, gap, dtype=np.float64)
            distances[rows, column] = squared / 2 if metric == "cosine" else np.sqrt(squared)
    distances[indices == NOBODY] = np.inf
    order = np.lexsort((indices, distances), axis=1)
    return Nearest(
        np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, axis=1)
    )
