"""How surprising a score is, among scores of rows known to be clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from foretaste.data import Floats

MOST = 1_000  # quantiles kept of the trusted scores
_TAIL = 0.1  # share of them that the tail is fitted to
_HEAVIEST = 0.5  # shape of the tail: beyond it a variance would not exist


@dataclass(frozen=True, eq=False)
class Tail:
    """Turns scores into -log10 p-values: by rank, and beyond the ranks by a fitted tail.

    knots: (m,) quantiles of the trusted scores, rising
    start, scale, shape: the generalised Pareto tail above the highest tenth

    Below the highest tenth ranks are conformal: with exchangeable rows a surprise of s comes at
    most once in 10**s. Above, the tail extrapolates and is never lighter than an exponential one.
    Where the highest tenth is one and the same number nothing can be extrapolated, and what is
    higher is as surprising as one in all trusted rows.

    >>> tail = Tail.of(np.arange(999.0))
    >>> tail.surprise(np.array([0.0, 499.0, 998.0, np.nan])).round(1).tolist()
    [0.0, 0.3, 1.9, nan]

    References
    ----------
    Vovk, Gammerman, Shafer (2005). Algorithmic Learning in a Random World.
    Pickands (1975). Statistical Inference Using Extreme Order Statistics.
    doi:10.1214/aos/1176343003
    """

    knots: Floats
    rows: int
    start: float
    scale: float
    shape: float

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """Of (n,) trusted scores; those that are NaN do not count."""
        known = np.sort(scores[~np.isnan(scores)])
        if not len(known):
            return cls(np.empty(0), 0, 0.0, 0.0, 0.0)
        cut = max(1, round(_TAIL * len(known)))
        start = float(known[-cut])
        scale, shape = _pareto(known[-cut:] - start)
        at = np.linspace(0, 1, min(MOST, len(known)))
        kept = known if len(known) <= MOST else np.quantile(known, at, method="higher")
        return cls(kept, len(known), start, scale, shape)

    def surprise(self, scores: Floats) -> Floats:
        """(n,) of (n,) scores; NaN stays NaN, and nothing is known where no row was trusted."""
        if not self.rows:
            return np.full(len(scores), np.nan)
        above = 1 - np.searchsorted(self.knots, scores, side="left") / len(self.knots)
        ranked = (above * self.rows + 1) / (self.rows + 1)
        surprise = 0.0 - np.log10(ranked)
        beyond = scores > self.start
        surprise[beyond] = np.maximum(self._beyond(scores[beyond]), 1.0)
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
    if mean <= 0 or spread <= 0:
        return 0.0, 0.0
    ratio = mean * mean / spread
    shape = float(np.clip(0.5 * (1 - ratio), 0.0, _HEAVIEST))
    return mean * (1 - shape), shape
