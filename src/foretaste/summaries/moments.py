"""Count, mean and scatter, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foretaste.data import Array, Floats, Ints


class Moment(NamedTuple):
    """How some vectors are spread, without the vectors."""

    n: int
    mean: Floats  # (d,)
    scatter: Floats  # (d, d) sum of outer products about the mean

    def plus(self, other: Moment) -> Moment:
        """Of both sets of vectors (Chan, Golub, LeVeque 1983; no cancellation)."""
        n, gap = self.n + other.n, other.mean - self.mean
        between = np.outer(gap, gap) * (self.n * other.n / n)
        return Moment(n, self.mean + gap * (other.n / n), self.scatter + other.scatter + between)


@dataclass(frozen=True)
class Moments:
    """One `Moment` per class seen; grows by d² numbers a class, not with the rows."""

    by_class: Mapping[int, Moment]

    @classmethod
    def of(cls, vectors: Array, labels: Ints) -> Moments:
        """Of vectors (n, d) with class codes (n,); rows without a finite vector are left out.

        >>> Moments.of(np.array([[0.0], [2.0]]), np.array([0, 0])).by_class[0].mean
        array([1.])
        """
        usable = np.isfinite(vectors).all(axis=1)
        present = np.unique(labels[usable])
        return cls({int(k): _moment(vectors[usable & (labels == k)]) for k in present})

    def merge(self, other: Moments) -> Moments:
        both = dict(self.by_class)
        for label, theirs in other.by_class.items():
            mine = both.get(label)
            both[label] = theirs if mine is None else mine.plus(theirs)
        return Moments(both)


def _moment(vectors: Array) -> Moment:
    """Centred in float32 as it came, multiplied by BLAS, kept in float64."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors.astype(np.float32) - mean.astype(np.float32)
    drift = centred.mean(axis=0, dtype=np.float64)  # what rounding the mean left behind
    scatter = (centred.T @ centred).astype(np.float64) - len(vectors) * np.outer(drift, drift)
    return Moment(len(vectors), mean, scatter)
