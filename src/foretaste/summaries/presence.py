"""Which items stand in which rows: a sparse table of all that is frequent enough to matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from foretaste.data import Array, Ints, Keys, Mask

_HASHES = 12  # MinHash values an item
_SIEVE = np.uint64(42)  # low bits of an item that its bucket does not tell
_AGREE = 8  # of them, for two items to count as standing in the same rows


class Vocabulary(NamedTuple):
    """The items that have a column; items that stand in exactly the same rows share one."""

    items: Keys  # (m,) ascending
    columns: Ints  # (m,) the column of each
    width: int

    def table(self, offsets: Ints, items: Keys) -> Any:
        """(n, width) sparse float32 of ones where row i holds an item of column j."""
        if not len(self.items):
            return sp.csr_matrix((len(offsets) - 1, self.width), dtype=np.float32)
        at = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        return _table(offsets, self.columns[at], self.items[at] == items, self.width)


class Presence(NamedTuple):
    """Rows against columns, and which columns stand in nearly the same rows."""

    vocabulary: Vocabulary
    table: Any  # (n, d) csr of float32 ones, indices sorted
    counts: Ints  # (d,) rows that hold each column
    cluster: Ints  # (d,) ascending: columns of one cluster are neighbours


Part = tuple[Ints, Keys]  # (n + 1,) offsets and (offsets[-1],) hashes of what some rows hold


def presence(walk: Callable[[], Iterable[Part]], least: int) -> Presence:
    """Counts every item and keeps those that stand in at least `least` rows.

    Columns of equal row sets are merged exactly (by wraparound sums of random row numbers), those
    of nearly equal row sets (Jaccard about 0.7) are clustered by MinHash, because items that
    always come together explain one another.

    walk: gives the rows in parts, the same each time; it is walked twice, so that the many items
        that stand in few rows are never held together. Items of one row may repeat.

    >>> found = presence(lambda: [(np.array([0, 2, 4]), np.array([7, 9, 7, 9], np.uint64))], 2)
    >>> found.vocabulary.columns.tolist(), found.counts.tolist()
    ([0, 0], [2])

    References
    ----------
    Broder (1997). On the resemblance and containment of documents. doi:10.1109/SEQUEN.1997.666900
    """
    crowded = sum((_buckets(items) for _, items in walk()), np.zeros(1, np.int64)) >= least
    sifted = [_sifted(offsets, items, crowded) for offsets, items in walk()]
    counts = np.concatenate([np.zeros(1, np.int64), *(np.diff(offsets) for offsets, _ in sifted)])
    offsets = np.cumsum(counts)
    items = np.concatenate([np.zeros(0, np.uint64), *(items for _, items in sifted)])
    coded = pa.array(items).dictionary_encode()
    names, index = coded.dictionary.to_numpy(), coded.indices.to_numpy()
    often = np.bincount(index, minlength=len(names)) >= least
    table = _renumbered(offsets, index, often)
    names, table = _frequent(names[often], table, least)
    return _clustered(*_merged(names, table))


def _buckets(items: Keys) -> Ints:
    return np.bincount((items >> _SIEVE).astype(np.int64), minlength=1 << (64 - int(_SIEVE)))


def _sifted(offsets: Ints, items: Keys, crowded: Mask) -> Part:
    """Without the items whose bucket is too empty for any of its items to be frequent."""
    kept = crowded[(items >> _SIEVE).astype(np.int64)]
    return np.concatenate([[0], np.cumsum(kept)])[offsets], items[kept]


def _table(offsets: Ints, columns: Ints, kept: Array, width: int) -> Any:
    counts = np.concatenate([[0], np.cumsum(kept)])[offsets]
    ones = np.ones(int(counts[-1]), np.float32)
    table = sp.csr_matrix((ones, columns[kept], counts), (len(offsets) - 1, width))
    table.sum_duplicates()  # sorts the indices, too
    table.data[:] = 1
    return table


def _renumbered(offsets: Ints, index: Ints, often: Array) -> Any:
    number = np.cumsum(often) - 1
    return _table(offsets, number[index], often[index], int(often.sum()))


def _frequent(names: Keys, table: Any, least: int) -> tuple[Keys, Any]:
    often = np.bincount(table.indices, minlength=len(names)) >= least
    return names[often], _renumbered(table.indptr, table.indices, often)


def _merged(names: Keys, table: Any) -> tuple[Vocabulary, Any]:
    """Columns of equal fingerprints become one; the most telling name does not matter."""
    tall = table.tocsc()
    number = np.random.default_rng(1).integers(0, 1 << 63, table.shape[0], np.uint64)
    prints = _per_column(np.add, number, tall)
    _, first, column = np.unique(prints, return_index=True, return_inverse=True)
    chosen = np.zeros(len(names), bool)
    chosen[first] = True
    number_of = np.empty(len(names), np.int64)
    number_of[first] = np.arange(len(first))
    slim = _table(
        table.indptr,
        number_of[table.indices] * chosen[table.indices],
        chosen[table.indices],
        len(first),
    )
    order = np.argsort(names)
    return Vocabulary(names[order], column[order].astype(np.int64), len(first)), slim


def _clustered(vocabulary: Vocabulary, table: Any) -> Presence:
    tall = table.tocsc()
    counts = np.diff(tall.indptr).astype(np.int64)
    _, cluster = connected_components(_links(tall, counts), directed=False)
    order = np.argsort(cluster, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    moved = _table(
        table.indptr, place[table.indices], np.ones(len(table.indices), bool), len(order)
    )
    named = Vocabulary(vocabulary.items, place[vocabulary.columns], vocabulary.width)
    return Presence(named, moved, counts[order], cluster[order].astype(np.int64))


def _links(tall: Any, counts: Ints) -> Any:
    """Pairs of columns of which most MinHash values agree."""
    n, width = tall.shape
    rng = np.random.default_rng(2)
    hashes = np.stack([_per_column(np.minimum, rng.permutation(n), tall) for _ in range(_HASHES)])
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for one in hashes:
        order = np.lexsort((counts, one))
        a, b = order[:-1], order[1:]
        near = (hashes[:, a] == hashes[:, b]).sum(axis=0) >= _AGREE
        near &= 2 * np.minimum(counts[a], counts[b]) >= np.maximum(counts[a], counts[b])
        left.append(a[near])
        right.append(b[near])
    ends = np.concatenate(left), np.concatenate(right)
    return sp.coo_matrix((np.ones(len(ends[0])), ends), (width, width))


def _per_column(reduce: np.ufunc, of_row: Array, tall: Any) -> Array:
    if not tall.shape[1]:
        return np.zeros(0, of_row.dtype)
    return reduce.reduceat(of_row[tall.indices], tall.indptr[:-1])
