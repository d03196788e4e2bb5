"""A fair sample of the rows: mergeable exactly, and not for an attacker to choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretaste.data import Batch, Keys, concat

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def priority(keys: Keys, seed: int) -> Keys:
    """(n,) a keyed hash of the row keys: uniform for anyone who does not know the seed.

    >>> bool((priority(np.arange(3, dtype=np.uint64), 1) == priority(np.arange(3), 1)).all())
    True
    """
    secret = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    mixed = np.asarray(keys, dtype=np.uint64) ^ secret[0]
    for shift, factor in ((30, _MIX[0]), (27, _MIX[1])):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    return (mixed ^ (mixed >> np.uint64(31))) ^ secret[1]


@dataclass(frozen=True)
class Reservoir:
    """The `size` rows with the smallest keyed hash of their id (bottom-k sampling).

    Ties (rows of equal content) are broken by the column `index` where there is one, so any
    order of merging keeps the same rows. The size does not grow with the rows.

    References
    ----------
    Cohen, Kaplan (2007). Summarizing data using bottom-k sketches. doi:10.1145/1281100.1281133
    """

    rows: Batch
    size: int
    seed: int = 0

    @classmethod
    def of(cls, batch: Batch, columns: tuple[str, ...], size: int, seed: int = 0) -> Reservoir:
        """Of a batch, keeping only the columns named (and `index`)."""
        kept = {n: batch.arrow(n) for n in dict.fromkeys((*columns, "index")) if n in batch}
        return cls(Batch(batch.arrow_ids(), kept, batch.classes), size, seed)._trimmed()

    def merge(self, other: Reservoir) -> Reservoir:
        if not len(other.rows):
            return self
        if not len(self.rows):
            return other
        return Reservoir(concat([self.rows, other.rows]), self.size, self.seed)._trimmed()

    def sorted(self) -> Batch:
        """The rows in an order that does not depend on how they were merged."""
        return self.rows.take(self._order())

    def without(self, ids: set[str]) -> Reservoir:
        """The same sample with the rows of these ids left out."""
        keep = np.array([one not in ids for one in self.rows.ids], dtype=bool)
        return Reservoir(self.rows.take(keep), self.size, self.seed)

    def _order(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        first = priority(self.rows.keys, self.seed)
        tie = self.rows["index"] if "index" in self.rows else np.zeros(len(self.rows))
        return np.lexsort((tie, first)).astype(np.int64)

    def _trimmed(self) -> Reservoir:
        if len(self.rows) <= self.size:
            return self
        return Reservoir(self.rows.take(self._order()[: self.size]), self.size, self.seed)
