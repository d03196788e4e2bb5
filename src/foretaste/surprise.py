"""How surprising a score is, among scores of rows known to be clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from foretaste.data import Floats

MOST = 1_000  # scores kept of the lower ones, and as many of the highest
_TAIL = 0.1  # share of them that the tail is fitted to
_HEAVIEST = 0.5  # shape of the tail: beyond it a variance would not exist


@dataclass(frozen=True, eq=False)
class Tail:
    """Turns scores into -log10 p-values: by rank, and beyond all ranks by a fitted tail.

    knots: (m,) trusted scores, rising: the highest ones all, of the others some
    above: (m,) how many trusted scores are at least as high as each
    start, scale, shape: the generalised Pareto tail above the highest tenth

    Up to the highest trusted score p-values are conformal: with exchangeable rows a surprise of s
    comes at most once in 10**s. What is higher than all of them comes once in so many rows, however
    surprising the tail then calls it; where rows are few that is a guess. The tail is never lighter
    than an exponential one; where the highest tenth is one and the same number nothing can be
    extrapolated.

    >>> tail = Tail.of(np.arange(999.0))
    >>> tail.surprise(np.array([0.0, 499.0, 998.0, np.nan])).round(1).tolist()
    [0.0, 0.3, 2.7, nan]

    References
    ----------
    Vovk, Gammerman, Shafer (2005). Algorithmic Learning in a Random World.
    Pickands (1975). Statistical Inference Using Extreme Order Statistics.
    doi:10.1214/aos/1176343003
    """

    knots: Floats
    above: Floats
    rows: int
    start: float
    scale: float
    shape: float

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """Of (n,) trusted scores; those that are NaN do not count."""
        known = np.sort(scores[~np.isnan(scores)])
        n = len(known)
        if not n:
            return cls(np.empty(0), np.empty(0), 0, 0.0, 0.0, 0.0)
        cut = max(1, round(_TAIL * n))
        start = float(known[-cut])
        scale, shape = _pareto(known[-cut:] - start)
        lower = max(0, n - MOST)
        at = np.linspace(0, lower, min(MOST, lower), endpoint=False).astype(np.int64)
        at = np.concatenate([at, np.arange(lower, n)])
        knots = known[at]
        first = np.searchsorted(known, knots, side="left")
        return cls(knots, (n - first).astype(np.float64), n, start, scale, shape)

    def surprise(self, scores: Floats) -> Floats:
        """(n,) of (n,) scores; NaN stays NaN, and nothing is known where no row was trusted."""
        if not self.rows:
            return np.full(len(scores), np.nan)
        # Between two knots the lower one speaks: its rank is the less surprising.
        place = np.searchsorted(self.knots, scores, side="right") - 1
        ranks = np.where(place < 0, self.rows, self.above[np.maximum(place, 0)])
        surprise = 0.0 - np.log10((ranks + 1) / (self.rows + 1))
        beyond = scores > self.knots[-1]
        least = np.log10(self.rows + 1)
        surprise[beyond] = np.maximum(self._beyond(scores[beyond]), least)
        surprise[np.isnan(scores)] = np.nan
        return surprise

    def _beyond(self, scores: Floats) -> Floats:
        """By the tail: a tenth of all rows is above its start."""
        if not self.scale:
            return np.full(len(scores), np.log10(self.rows + 1))
        far = (scores - self.start) / self.scale
        logs = np.log1p(self.shape * far) / self.shape if self.shape > 1e-6 else far
        found: Floats = -np.log10(_TAIL) + logs / np.log(10)
        return found


def _pareto(excess: Floats) -> tuple[float, float]:
    """Scale and shape by moments, the shape kept between an exponential and a heavy tail."""
    mean, spread = float(excess.mean()), float(excess.var())
    if not (mean > 0 and 0 < spread < np.inf):
        return 0.0, 0.0
    ratio = mean * mean / spread
    shape = float(np.clip(0.5 * (1 - ratio), 0.0, _HEAVIEST))
    return mean * (1 - shape), shape
