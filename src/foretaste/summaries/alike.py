"""Groups of texts that are alike, at several levels of likeness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from foretaste.data import Array, Ints

_CHUNK = 1000


def alike(vectors: Array, level: float, least: int) -> Iterator[Ints]:
    """The rows of each group, ascending: dense parts that hang together.

    A row with `least` rows (itself one of them) of cosine `level` or more is in a dense part;
    rows near one of those join it.

    vectors: (n, d) of unit length

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> [group.tolist() for group in alike(vectors, 0.9, 2)]
    [[0, 1]]

    References
    ----------
    Ester, Kriegel, Sander, Xu (1996). A density-based algorithm for discovering clusters.
    https://dl.acm.org/doi/10.5555/3001460.3001507
    """
    n = len(vectors)
    pairs = [np.nonzero(vectors[s : s + _CHUNK] @ vectors.T >= level) for s in range(0, n, _CHUNK)]
    nothing = np.zeros(0, np.int64)
    one = np.concatenate([nothing, *(i + k * _CHUNK for k, (i, _) in enumerate(pairs))])
    other = np.concatenate([nothing, *(j for _, j in pairs)])
    dense = np.bincount(one, minlength=n) >= least
    both = dense[one] & dense[other]
    links = csr_array((np.ones(int(both.sum())), (one[both], other[both])), shape=(n, n))
    _, part = connected_components(links, directed=False)
    part = np.where(dense, part, -1)
    joins = dense[other] & ~dense[one]
    part[one[joins]] = part[other[joins]]
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-2))
    for group in np.split(order, starts)[1:]:
        if part[group[0]] >= 0:
            yield group.astype(np.int64)
