"""How the neighbours of a row vote on its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from foretaste.data import Array, Batch, Floats, Ints, Keys
from foretaste.summaries.neighbours import neighbours
from foretaste.summaries.strata import Strata

PAIRS = 500_000_000  # rows times voters that a scan may compare
_FLOOR = 1e-6  # nobody is surer than this
_ENOUGH = 8_000  # rows that tell how to weigh two advisers


@dataclass(frozen=True)
class Electorate:
    """Labelled rows that vote on their neighbours, the near ones louder; none on its own copy.

    >>> voters = Electorate(
    ...     np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), np.array([0, 0, 1]),
    ...     np.arange(3, dtype=np.uint64), np.array([0.5, 0.5]), voices=2)
    >>> voters.chances(np.array([[1.0, 0.1]]), np.array([7], np.uint64)).round(2).tolist()
    [[0.83, 0.17]]
    """

    vectors: Array  # (m, d)
    labels: Ints  # (m,)
    keys: Keys  # (m,) no two equal
    prior: Floats  # (k,) class frequencies; counts as one vote
    voices: int

    @classmethod
    def of(cls, sample: Strata, prior: Floats, voices: int) -> Electorate:
        """Of a sample with `embedding`; smaller for large data sets, so that cost stays bounded."""
        rows = sample.sorted()
        _, first = np.unique(rows.keys, return_index=True)
        size = int(np.clip(PAIRS // max(1, sample.counts.total()), 4_000, 20_000))
        rows = rows.take(np.sort(first)[:size])
        return cls(finite(rows["embedding"]), rows["label"], rows.keys, prior, voices)

    def chances(self, vectors: Array, keys: Keys) -> Floats:
        """(n, k) share of the votes for each class, smoothed by the class frequencies."""
        votes = np.tile(self.prior, (len(vectors), 1))
        if not len(self.labels):
            return votes
        found = neighbours(self.vectors, finite(vectors), self.voices + 1).indices
        voter = found >= 0
        voter &= self.keys[found] != keys[:, None]
        rank = np.cumsum(voter, axis=1) - 1
        loud = np.where(voter & (rank < self.voices), 1 / (1 + 0.1 * rank), 0.0)
        rows = np.broadcast_to(np.arange(len(vectors))[:, None], found.shape)
        np.add.at(votes, (rows[voter], self.labels[found][voter]), loud[voter])
        return votes / votes.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Opinion:
    """What the out-of-fold model and the neighbours say together: a weighted geometric mean.

    The weights are those under which the labels, of which a few may be wrong, are likeliest; so
    the better adviser is heard more, and the chances mean what they say.
    """

    voters: Electorate
    weights: tuple[float, float]  # of the model, of the neighbours

    @classmethod
    def of(cls, sample: Strata, voices: int) -> Opinion:
        """Of a sample with `embedding` and `prediction`."""
        rows = sample.sorted()
        labels, k = rows["label"], rows["prediction"].shape[1]
        weight = sample.weights(labels)
        prior = (np.bincount(labels, weight, k) + 0.5) / (weight.sum() + 0.5 * k)
        even = cls(Electorate.of(sample, prior, voices), (0.5, 0.5))
        return cls(even.voters, even._best_weights(rows)) if len(rows) else even

    def chances(self, rows: Batch) -> Floats:
        """(n, k) chances of each class."""
        return _pooled(*self._logs(rows), self.weights)

    def _logs(self, rows: Batch) -> tuple[Floats, Floats]:
        voted = self.voters.chances(rows["embedding"], rows.keys)
        return np.log(np.maximum(rows["prediction"], _FLOOR)), np.log(np.maximum(voted, _FLOOR))

    def _best_weights(self, rows: Batch) -> tuple[float, float]:
        chosen = rows.take(np.arange(min(len(rows), _ENOUGH)))
        told, voted = self._logs(chosen)
        at = np.arange(len(chosen)), chosen["label"]

        def loss(given: Floats) -> float:
            chance = _pooled(told, voted, np.exp(given[:2]))[at]
            accident = 1 / (1 + np.exp(-given[2]))
            return -float(np.log((1 - accident) * chance + accident / told.shape[1]).mean())

        start = np.array([np.log(0.5), np.log(0.5), -4.0])
        options = {"maxiter": 120, "xatol": 0.02, "fatol": 1e-5}
        found = np.exp(minimize(loss, start, method="Nelder-Mead", options=options).x)
        return float(found[0]), float(found[1])


def _pooled(told: Floats, voted: Floats, weights: Sequence[float] | Floats) -> Floats:
    logs = weights[0] * told + weights[1] * voted
    mean = np.exp(logs - logs.max(axis=1, keepdims=True))
    pooled: Floats = mean / mean.sum(axis=1, keepdims=True)
    return pooled


def finite(vectors: Array) -> Array:
    """float32 without gaps."""
    return np.nan_to_num(vectors.astype(np.float32), posinf=0.0, neginf=0.0)
