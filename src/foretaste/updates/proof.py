"""How much worse one model is than another on the same rows, with how much certainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, norm

from foretaste.data import Mask


class Interval(NamedTuple):
    """A share, or a difference of shares, between bounds."""

    low: float
    value: float
    high: float


def loss_between(old: Mask, new: Mask, confidence: float) -> Interval:
    """The share of rows lost by going from an old model to a new one, by Tango's score interval.

    old, new: (n,) which rows each model gets right
    confidence: of each bound by itself

    Rows that both get right, or both wrong, say nothing of the difference but that it is small:
    the interval stays honest where the models never differ.

    >>> old = np.arange(1000) < 950
    >>> [round(one, 4) for one in loss_between(old, old, 0.95)]
    [-0.0027, 0.0, 0.0027]

    References
    ----------
    Tango (1998). Equivalence test and confidence interval for the difference in proportions for
    the paired-sample design. doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B
    """
    n = len(old)
    if not n:
        return Interval(-1.0, 0.0, 1.0)
    lost, won = int((old & ~new).sum()), int((~old & new).sum())
    z = float(norm.ppf(confidence))
    value = (lost - won) / n

    def apart(at: float) -> float:
        """How many deviations the counts are from a true loss of `at`."""
        likely = _both(lost, won, n, at)
        spread = n * (2 * likely - at * (at - 1))
        away = lost - won - n * at
        return float(away / np.sqrt(spread)) if spread > 0 else float(np.sign(away) * 1e9)

    low = -1.0 if apart(-1 + 1e-9) < z else brentq(lambda at: apart(at) - z, -1 + 1e-9, value)
    high = 1.0 if apart(1 - 1e-9) > -z else brentq(lambda at: apart(at) + z, value, 1 - 1e-9)
    return Interval(float(low), value, float(high))


def share_between(hits: int, n: int, confidence: float) -> Interval:
    """A share, by the exact interval of Clopper and Pearson; each bound holds by itself.

    >>> [round(one, 3) for one in share_between(0, 100, 0.95)]
    [0.0, 0.0, 0.03]
    """
    if not n:
        return Interval(0.0, 0.0, 1.0)
    low = float(beta.ppf(1 - confidence, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(confidence, hits + 1, n - hits)) if hits < n else 1.0
    return Interval(low, hits / n, high)


def _both(lost: int, won: int, n: int, at: float) -> float:
    """The likeliest chance of a row won, if the true loss were `at`."""
    b = -lost - won + (2 * n - lost + won) * at
    c = -won * at * (1 - at)
    root = max(b * b - 8 * n * c, 0.0)
    return float((np.sqrt(root) - b) / (4 * n))
