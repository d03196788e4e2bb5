"""How the neighbours of a row vote on its label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretaste.data import Array, Floats, Ints, Keys
from foretaste.summaries.neighbours import neighbours
from foretaste.summaries.strata import Strata

PAIRS = 2_000_000_000  # rows times voters that a scan may compare


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


def finite(vectors: Array) -> Array:
    """float32 without gaps."""
    return np.nan_to_num(vectors.astype(np.float32), posinf=0.0, neginf=0.0)
