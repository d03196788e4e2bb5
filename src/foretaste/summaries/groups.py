"""Pairs that are alike make groups of rows that are alike."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from foretaste.data import Ints, Keys


def connected(n: int, pairs: Ints) -> Ints:
    """(n,) a group number for each of n points joined by pairs (m, 2); numbers rise with the rows.

    >>> connected(5, np.array([[0, 3], [3, 4]])).tolist()
    [0, 1, 2, 0, 0]
    """
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(links, directed=False)[1]
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].astype(np.int64)


def sharing(keys: Keys) -> Ints:
    """(m, 2) pairs of points with an equal key: each with the next such, and with the first.

    A key shared by s points gives at most 2 s pairs rather than s², which is enough to connect
    them all; rows that share no key with any other cost nothing.

    >>> sharing(np.array([7, 8, 7, 7], np.uint64)).tolist()
    [[0, 2], [0, 3], [2, 3]]
    """
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    same = np.flatnonzero(ranked[1:] == ranked[:-1]) + 1
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    first = starts[np.searchsorted(starts, same, side="right") - 1]
    pairs = np.concatenate([np.c_[order[first], order[same]], np.c_[order[same - 1], order[same]]])
    return unique_pairs(pairs, len(keys))


def unique_pairs(pairs: Ints, n: int) -> Ints:
    """Each pair once, sorted."""
    codes = np.unique(pairs[:, 0] * n + pairs[:, 1])
    return np.stack(np.divmod(codes, max(n, 1)), axis=1).astype(np.int64)
