"""Boosted trees that ask all rows the same question at each level: quick to fit and to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from foretaste.data import Array, Floats, Ints

BINS = 32  # places where one value may be cut from the next
FIELDS = 48  # values that a tree may ask of, drawn anew for each
SAMPLE = 4_000  # rows that choose a tree's questions; all rows fill its leaves
RIDGE = 3.0  # rows' worth of doubt in each leaf
DEPTH = 6
RATE = 0.2  # share of what a tree says that is believed
_BLOCK = 512  # rows


@dataclass(frozen=True, eq=False)
class ObliviousTrees:
    """What boosting made of some labelled vectors.

    fields: (trees, depth) which value each level asks of
    cuts:   (trees, depth) float32; the answer is whether the value is above
    leaves: (trees, 2**depth, k) float32, what is added to the scores of the classes

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.normal(size=(400, 2)).astype(np.float32)
    >>> labels = (vectors[:, 0] * vectors[:, 1] > 0).astype(int)
    >>> trees = ObliviousTrees.fit(vectors, labels, np.ones(400), np.zeros((400, 2)))
    >>> float((trees.scores(vectors).argmax(axis=1) == labels).mean()) > 0.95
    True

    References
    ----------
    Prokhorenkova et al. (2018). CatBoost: unbiased boosting with categorical features.
    arXiv:1706.09516
    Ibragimov, Gusev (2019). Minimal Variance Sampling in Stochastic Gradient Boosting.
    arXiv:1910.13204
    """

    fields: Ints
    cuts: Array
    leaves: Array

    @classmethod
    def fit(
        cls, vectors: Array, labels: Ints, weight: Floats, start: Floats, trees: int = 60
    ) -> Self:
        """Boosts from the scores that are there.

        vectors: (n, d) float32, finite; labels: (n,) below k; weight: (n,)
        start:   (n, k) scores to improve on
        """
        k = start.shape[1]
        rng = np.random.default_rng(20_230_517)
        edges, binned = _binned(vectors, rng)
        truth, scores = np.eye(k)[labels], start.astype(np.float64)
        grown = []
        for _ in range(trees):
            chances = _softmax(scores)
            slopes = (truth - chances) * weight[:, None]
            curves = chances * (1 - chances) * weight[:, None]
            tree = _grown(binned, slopes, curves, rng)
            scores += tree.leaves[tree.reached]
            grown.append(tree)
        fields = np.array([tree.fields for tree in grown], np.int64)
        bins = np.array([tree.bins for tree in grown], np.int64)
        leaves = np.array([tree.leaves for tree in grown], np.float32)
        return cls(fields, edges[fields, bins].astype(np.float32), leaves)

    def scores(self, vectors: Array) -> Floats:
        """(n, k) what the trees add to the scores of (n, d) float32 vectors."""
        trees, depth = self.fields.shape
        n, k = len(vectors), self.leaves.shape[2]
        found, flat = np.empty((n, k)), self.leaves.reshape(-1, k)
        first = (np.arange(trees, dtype=np.int32) << depth)[:, None]
        for at in range(0, n, _BLOCK):  # what is compared stays in the cache
            some = np.ascontiguousarray(vectors[at : at + _BLOCK].T)
            places = np.zeros((trees, some.shape[1]), np.uint8)
            for level in range(depth):
                places <<= 1
                places |= some[self.fields[:, level]] > self.cuts[:, level, None]
            found[at : at + _BLOCK] = flat[places + first].sum(axis=0)
        return found


class _Tree(NamedTuple):
    fields: list[int]
    bins: list[int]
    leaves: Floats  # (2**depth, k)
    reached: Ints  # (n,)


def _grown(binned: Array, slopes: Floats, curves: Floats, rng: np.random.Generator) -> _Tree:
    """binned: (d, n); slopes, curves: (n, k)."""
    d, n = binned.shape
    chosen, scale = _sampled(slopes, rng)
    fields = np.sort(rng.choice(d, min(d, FIELDS), replace=False))
    seen = binned[np.ix_(fields, chosen)]
    pull = (slopes[chosen] * scale[:, None])[:, : max(1, slopes.shape[1] - 1)]
    mass = curves[chosen].sum(axis=1) * scale
    leaf = np.zeros(len(chosen), np.int64)
    asked, bins = [], []
    for level in range(DEPTH):
        field, bin_ = _best(seen, leaf, 1 << level, pull, mass)
        leaf = 2 * leaf + (seen[field] > bin_)
        asked.append(int(fields[field]))
        bins.append(bin_)
    reached = np.zeros(n, np.int64)
    for one, bin_ in zip(asked, bins, strict=True):
        reached = 2 * reached + (binned[one] > bin_)
    size = 1 << DEPTH
    up = np.stack([np.bincount(reached, column, size) for column in slopes.T], axis=1)
    bent = np.stack([np.bincount(reached, column, size) for column in curves.T], axis=1)
    return _Tree(asked, bins, RATE * up / (bent + RIDGE), reached)


def _sampled(slopes: Floats, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Rows drawn by how much they have to say, and what each then stands for."""
    n = len(slopes)
    if n <= SAMPLE:
        return np.arange(n), np.ones(n)
    force = np.abs(slopes).max(axis=1)
    force = force + force.mean() * 0.1 + 1e-12
    chance = np.minimum(force / force.sum() * SAMPLE, 1.0)
    drawn = np.flatnonzero(rng.random(n) < chance)
    return drawn, 1 / chance[drawn]


def _best(seen: Array, leaf: Ints, leaves: int, pull: Floats, mass: Floats) -> tuple[int, int]:
    """The field and the bin that cut all leaves best."""
    d, n = seen.shape
    size = d * leaves * BINS
    places = (seen + (leaf * BINS) + (np.arange(d) * leaves * BINS)[:, None]).ravel()
    shape = (d, leaves, BINS)
    weight = np.broadcast_to(mass, (d, n)).ravel()
    low = np.bincount(places, weight, size).reshape(shape).cumsum(axis=2)
    high = low[:, :, -1:] - low
    gain = np.zeros((d, BINS))
    for column in pull.T:
        weight = np.broadcast_to(column, (d, n)).ravel()
        left = np.bincount(places, weight, size).reshape(shape).cumsum(axis=2)
        right = left[:, :, -1:] - left
        gain += (left**2 / (low + RIDGE) + right**2 / (high + RIDGE)).sum(axis=1)
    best = int(gain.argmax())
    return best // BINS, best % BINS


def _binned(vectors: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(d, BINS) where each value is cut, and (d, n) the bin of each row: how many cuts below."""
    n, d = vectors.shape
    some = vectors[rng.permutation(n)[:20_000]]
    at = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.full((d, BINS), np.inf)
    binned = np.empty((d, n), np.int64)
    for field in range(d):
        values = np.unique(some[:, field])
        if len(values) > BINS:
            cuts = np.unique(np.quantile(some[:, field], at))
        else:
            cuts = (values[:-1] + values[1:]) / 2
        edges[field, : len(cuts)] = cuts
        binned[field] = np.searchsorted(edges[field, : len(cuts)], vectors[:, field], side="left")
    return edges, binned


def _softmax(scores: Floats) -> Floats:
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
