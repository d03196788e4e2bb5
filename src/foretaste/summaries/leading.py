"""The rows with the highest and lowest scores of each query, found in one walk."""

from __future__ import annotations

import numpy as np

from foretaste.data import Floats, Ints, Mask


class Leading:
    """Holds `top` rows on either side for each query, however many rows go by.

    >>> leading = Leading(queries=1, top=1)
    >>> leading.see(np.array([[0.5, -2.0]]), np.array([10, 11]))
    >>> leading.see(np.array([[0.75]]), np.array([12]))
    >>> leading.most(0), leading.least(0), leading.together()
    ([(12, 0.75)], [(11, -2.0)], [(12, 0.75)])
    """

    def __init__(self, queries: int, top: int) -> None:
        self.seen = 0
        self._top = top
        # of each query, and last of all of them together
        nothing = np.empty((queries + 1, 0))
        self._high = (nothing, nothing.astype(np.int64))
        self._low = (nothing, nothing.astype(np.int64))

    def see(self, scores: Floats, index: Ints, own: Mask | None = None) -> None:
        """Scores (q, n) of the rows at these positions; `own` (q, n) are left out."""
        mean = scores.mean(axis=0, keepdims=True)
        both = np.vstack([scores, mean])
        hidden = np.vstack([own, own.any(axis=0, keepdims=True)]) if own is not None else False
        places = np.broadcast_to(index, both.shape)
        self._high = self._best(self._high, np.where(hidden, -np.inf, both), places)
        self._low = self._best(self._low, np.where(hidden, -np.inf, -both), places)
        self.seen += len(index)

    def most(self, query: int) -> list[tuple[int, float]]:
        """(position, score) of the highest, best first; only what is above zero."""
        return _pairs(self._high[0][query], self._high[1][query])

    def least(self, query: int) -> list[tuple[int, float]]:
        """(position, score) of the lowest, worst first; only what is below zero."""
        return [(at, -score) for at, score in _pairs(self._low[0][query], self._low[1][query])]

    def together(self) -> list[tuple[int, float]]:
        """The highest by the mean over all queries."""
        return self.most(-1)

    def rows(self) -> Ints:
        """Every position that leads somewhere."""
        return np.unique(np.concatenate([self._high[1].ravel(), self._low[1].ravel()]))

    def _best(self, held: tuple[Floats, Ints], scores: Floats, places: Ints) -> tuple[Floats, Ints]:
        all_, at = np.hstack([held[0], scores]), np.hstack([held[1], places])
        chosen = np.argsort(-all_, axis=1, kind="stable")[:, : self._top]
        return np.take_along_axis(all_, chosen, 1), np.take_along_axis(at, chosen, 1)


def _pairs(scores: Floats, places: Ints) -> list[tuple[int, float]]:
    return [(int(at), float(s)) for at, s in zip(places, scores, strict=True) if s > 0]
