"""What a score means: p-values, the rate of false discoveries, and a bound on their number.

Raw scores become p-values through trusted rows (conformal: exact) or through a null fitted
to the scores themselves (robust: the suspicious tail takes no part in the fit). p-values of
several detectors are combined; Benjamini-Hochberg decides; a simultaneous bound says how
many of any top part of the list may be clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import minimize

from foretaste.data import Floats, Ints, Mask

BODY, CUT = 0.7, 0.95  # the tail model is fitted between these quantiles, censored above
SAMPLE = 200_000  # scores a fit looks at
FACT = 1e-300  # the p-value of a plain fact


@dataclass(frozen=True)
class Null:
    """The upper tail of the scores of clean rows: a generalised Pareto above a threshold.

    body:      (m,) sorted sample of scores, for p-values below the threshold
    threshold: where the tail begins; share: how many rows lie above it
    scale, shape: of the tail; the shape is never below 0, so no score is impossible

    References
    ----------
    Pickands (1975). Statistical inference using extreme order statistics.
    doi:10.1214/aos/1176343003
    Efron (2004). Large-scale simultaneous hypothesis testing: the choice of a null
    hypothesis. doi:10.1198/016214504000000089
    """

    body: Floats
    threshold: float
    share: float
    scale: float
    shape: float

    def p_values(self, scores: Floats) -> Floats:
        """(n,) the share of clean rows expected to score so high or higher; NaN stays NaN."""
        below = 1 - np.searchsorted(self.body, scores, side="left") / (len(self.body) + 1)
        excess = np.maximum(scores - self.threshold, 0) / self.scale
        tail = self.share * _survival(excess, self.shape)
        p = np.where(scores > self.threshold, tail, np.maximum(below, self.share))
        return np.where(np.isnan(scores), np.nan, np.clip(p, FACT, 1.0))


def fit_null(scores: Floats) -> Null:
    """The null of raw scores of which a minority may be poison.

    The tail is fitted by maximum likelihood on the scores between the 70th and the 95th
    percentile; what lies above only counts as "above" (censoring), so a few per cent of
    poison cannot stretch the null far, however high it scores.

    >>> rng = np.random.default_rng(0)
    >>> null = fit_null(rng.exponential(size=20_000))
    >>> bool(1e-7 < null.p_values(np.array([15.0]))[0] < 1e-5)
    True
    """
    usable = np.sort(scores[np.isfinite(scores)])
    if len(usable) > SAMPLE:
        usable = usable[np.linspace(0, len(usable) - 1, SAMPLE).astype(int)]
    if len(usable) < 20 or usable[0] == usable[-1]:
        top = float(usable[-1]) if len(usable) else 0.0
        return Null(usable, top, 1 / (len(usable) + 1), max(abs(top), 1.0), 1.0)
    threshold, cut = np.quantile(usable, [BODY, CUT])
    above = usable[usable > threshold] - threshold
    scale, shape = _fit_tail(above, max(float(cut - threshold), 1e-12))
    return Null(usable, float(threshold), len(above) / len(usable), scale, shape)


def conformal(scores: Floats, trusted: Floats) -> Floats:
    """(n,) exact p-values: the rank of each score among scores of trusted rows.

    Exact when clean and trusted rows are exchangeable; never below 1 / (trusted rows + 1).

    >>> conformal(np.array([0.5, 9.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.25]

    References
    ----------
    Bates et al. (2023). Testing for outliers with conformal p-values. arXiv:2104.08279
    """
    known = np.sort(trusted[np.isfinite(trusted)])
    as_high = len(known) - np.searchsorted(known, scores, side="left")
    return np.where(np.isnan(scores), np.nan, (1 + as_high) / (len(known) + 1))


def combine(p_values: Floats) -> Floats:
    """(n,) one p-value of (n, m), however the columns depend on each other; NaN is left out.

    p-values above one half count as one half, so that detectors with nothing to say do not
    outvote one that has.

    >>> combine(np.array([[1e-9, 0.5], [0.5, np.nan]])).round(10).tolist()
    [2e-09, 0.5]

    References
    ----------
    Liu, Xie (2020). Cauchy combination test. arXiv:1808.09011
    """
    known = ~np.isnan(p_values)
    p = np.clip(np.where(known, p_values, 0.5), FACT, 0.5)
    small = p < 1e-15
    cauchy = np.where(small, 1 / (np.pi * p), np.tan(np.pi * (0.5 - np.where(small, 0.5, p))))
    mean = np.where(known, cauchy, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    joint = np.where(mean > 1e15, 1 / (np.pi * np.maximum(mean, 1)), 0.5 - np.arctan(mean) / np.pi)
    return np.where(known.any(axis=1), np.clip(joint, FACT, 1.0), np.nan)


def benjamini_hochberg(p_values: Floats, alpha: float) -> Mask:
    """(n,) which rows to flag so that about `alpha` of the flagged are expected to be clean.

    >>> benjamini_hochberg(np.array([0.001, 0.9, 0.02, np.nan]), 0.05).tolist()
    [True, False, True, False]

    References
    ----------
    Benjamini, Hochberg (1995). doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    p = np.where(np.isnan(p_values), 1.0, p_values)
    ordered = np.sort(p)
    passing = np.flatnonzero(ordered <= alpha * np.arange(1, len(p) + 1) / max(len(p), 1))
    flagged: Mask = p <= ordered[passing[-1]] if len(passing) else np.zeros(len(p), bool)
    return flagged


def clean_among(p_values: Floats, cuts: Floats, confidence: float = 0.95) -> Floats:
    """(c,) for each cut t: with this confidence at most so many clean rows have p <= t.

    Holds for all cuts at once, so the reader may choose the cut after looking.

    >>> clean_among(np.linspace(0.001, 1, 1000), np.array([0.0])).tolist()
    [2.0]

    References
    ----------
    Katsevich, Ramdas (2020). Simultaneous high-probability bounds on the false discovery
    proportion. arXiv:1803.06790
    """
    delta = 1 - confidence
    inflation = np.log(1 / delta) / np.log1p(np.log(1 / delta))
    n = int((~np.isnan(p_values)).sum())
    return np.floor(inflation * (1 + n * cuts))


def clean_by_rank(
    p_values: Floats, trusted: Floats, cuts: Floats, confidence: float = 0.95
) -> Floats:
    """(c,) the same bound, exact: from how trusted and clean rows interleave when ranked.

    Ranks of exchangeable rows have one known law, whatever the scores are; its envelope over
    all ranks at once is found by drawing from it. Taking every row for clean keeps it safe.

    >>> clean_by_rank(np.full(9, 0.5), np.full(9, 0.9), np.array([0.5])).tolist()
    [4.0]

    References
    ----------
    Gazin, Blanchard, Roquain (2024). Transductive conformal inference with adaptive scores.
    arXiv:2310.18108
    """
    n, m = int((~np.isnan(p_values)).sum()), int((~np.isnan(trusted)).sum())
    ranks, envelope = _rank_envelope(n, m, round(1 - confidence, 9))
    passed = np.searchsorted(np.sort(trusted[~np.isnan(trusted)]), cuts, side="right")
    return envelope[np.minimum(np.searchsorted(ranks, passed + 1), len(ranks) - 1)]


@lru_cache(maxsize=8)
def _rank_envelope(n: int, m: int, delta: float, draws: int = 4000) -> tuple[Ints, Floats]:
    """Ranks (r,) and how many clean rows may stand ahead of the trusted row of each (r,)."""
    ranks = np.unique(np.geomspace(1, m + 1, 60).round().astype(int)) if m else np.array([1])
    rng = np.random.default_rng(0)
    waits = rng.gamma(np.diff(ranks, prepend=0), size=(draws, len(ranks))).cumsum(axis=1)
    places = waits / (waits[:, -1:] + rng.gamma(max(m + 1 - ranks[-1], 1e-9), size=(draws, 1)))
    steps = np.diff(places, axis=1, prepend=0.0)
    ahead, left, reached = np.zeros(places.shape), np.full(draws, n), np.zeros(draws)
    for rank in range(len(ranks)):
        share = np.clip(steps[:, rank] / np.maximum(1 - reached, 1e-12), 0.0, 1.0)
        new = rng.binomial(left, share)
        left, reached = left - new, places[:, rank]
        ahead[:, rank] = n - left
    order = np.sort(ahead, axis=0)
    levels = np.unique(np.linspace(draws * (1 - delta), draws - 1, 60).astype(int))
    held = [bool((ahead <= order[level]).all(axis=1).mean() >= 1 - delta) for level in levels]
    return ranks, np.asarray(order[levels[int(np.argmax(held))]] if any(held) else order[-1])


def _survival(excess: Floats, shape: float) -> Floats:
    if shape < 1e-6:
        return np.exp(-excess)
    return (1 + shape * excess) ** (-1 / shape)


def _fit_tail(above: Floats, cut: float) -> tuple[float, float]:
    seen = above[above <= cut]
    hidden = len(above) - len(seen)
    start = max(float(seen.mean()) if len(seen) else cut, 1e-12)

    def loss(parameters: Floats) -> float:
        scale, shape = np.exp(parameters[0]), max(float(parameters[1]), 0.0)
        density = np.log(_survival(seen / scale, shape)) * (1 + shape) - np.log(scale)
        beyond = np.log(max(float(_survival(np.array([cut / scale]), shape)[0]), 1e-300))
        return float(-density.sum() - hidden * beyond + 1e3 * min(parameters[1], 0.0) ** 2)

    found = minimize(loss, np.array([np.log(start), 0.1]), method="Nelder-Mead")
    return float(np.exp(found.x[0])), float(np.clip(found.x[1], 0.0, 1.0))
