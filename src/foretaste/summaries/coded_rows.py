"""Rows as short numbers, all of them as long as they fit: 4 bytes a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretaste.data import Batch, Ints, Keys
from foretaste.summaries.reservoir import priority

_PARTS = 256  # after so many merges the parts are joined


class Part(NamedTuple):
    """Some rows: row i has the codes at offsets[i] to offsets[i + 1]."""

    rank: Keys  # (n,) keyed hash of the row's id
    places: Ints  # (n,) positions in the data set, to break ties
    labels: Ints  # (n,)
    offsets: Ints  # (n + 1,)
    codes: NDArray[np.uint32]


@dataclass(frozen=True)
class CodedRows:
    """The codes and labels of every row, and beyond `budget` codes of a fair sample of rows.

    Grows by 4 bytes a code up to the budget. The sample is the longest run of rows, in the order
    of a keyed hash of their ids, that fits: merging is exact, and nobody can choose the sample.

    end: the hash of the first row that did not fit; no row from there on is kept
    """

    parts: tuple[Part, ...]
    budget: int
    seed: int = 0
    end: int = 1 << 64

    @classmethod
    def of(
        cls, batch: Batch, coded: tuple[Ints, NDArray[np.uint32]], budget: int, seed: int
    ) -> CodedRows:
        """Of a batch with `label`; coded: the offsets and codes of its rows."""
        index = batch["index"] if "index" in batch else np.zeros(len(batch), np.int64)
        part = Part(priority(batch.keys, seed), index, batch["label"], *coded)
        return cls((part,) if len(batch) else (), budget, seed)._trimmed(budget)

    def merge(self, other: CodedRows) -> CodedRows:
        end = min(self.end, other.end)
        both = CodedRows(self.parts + other.parts, self.budget, self.seed, end)
        return both._trimmed(2 * self.budget) if len(both.parts) < _PARTS else both._trimmed(-1)

    def sorted(self) -> Part:
        """All rows kept, in an order that is random but does not depend on the merging."""
        kept = self._trimmed(-1).parts
        return kept[0] if kept else _joined([_NONE])

    def _trimmed(self, most: int) -> CodedRows:
        """As it is while it holds no more than `most` codes; else joined, sorted and cut."""
        if sum(len(part.codes) for part in self.parts) <= most or not self.parts:
            return self
        joined = _joined(self.parts)
        order = np.lexsort((joined.places, joined.rank))
        order = order[: int(np.searchsorted(joined.rank[order], self._last(), "right"))]
        over = np.flatnonzero(np.cumsum(np.diff(joined.offsets)[order]) > self.budget)
        end = int(joined.rank[order[over[0]]]) if len(over) else self.end
        kept = order[joined.rank[order] < np.uint64(end)] if len(over) else order
        return CodedRows((_taken(joined, kept),), self.budget, self.seed, end)

    def _last(self) -> np.uint64:
        return np.uint64(max(self.end - 1, 0))


_NONE = Part(
    np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(1, np.int64),
    np.zeros(0, np.uint32),
)  # fmt: skip


def _joined(parts: tuple[Part, ...] | list[Part]) -> Part:
    rank, places, labels, _, codes = (np.concatenate(column) for column in zip(*parts, strict=True))
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Part(rank, places, labels, np.concatenate([[0], np.cumsum(sizes)]), codes)


def _taken(part: Part, rows: Ints) -> Part:
    sizes = np.diff(part.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    at = np.arange(offsets[-1]) + np.repeat(part.offsets[rows] - offsets[:-1], sizes)
    return Part(part.rank[rows], part.places[rows], part.labels[rows], offsets, part.codes[at])
