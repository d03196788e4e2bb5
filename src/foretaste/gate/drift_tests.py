"""Has a stream changed, is all of it other than it was, and did that come at once?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy.optimize import brentq
from scipy.stats import norm

from foretaste.data import Array, Floats
from foretaste.errors import MissingExtra

_WAVES = 128  # random Fourier features are twice as many
_PERMUTED = 200
_RESOLVED = 5  # permutations as far apart, below which a tail is more exact
_STEPS_LEAST = 1.2  # how many times worse a step must fit than a slope to be none


class Waves(NamedTuple):
    """Random Fourier features of a Gaussian kernel.

    References
    ----------
    Rahimi, Recht (2007). Random Features for Large-Scale Kernel Machines.
    """

    weights: Floats  # (s, w)

    @classmethod
    def of(cls, anchor: Floats, rng: Generator) -> Waves:
        """As wide as trusted rows are apart, in the middle."""
        one, two = rng.integers(0, len(anchor), (2, 1000))
        apart = np.linalg.norm(anchor[one] - anchor[two], axis=1)
        width = max(float(np.median(apart)), 1e-3)
        return cls(rng.standard_normal((anchor.shape[1], _WAVES)) / width)

    def __call__(self, rows: Floats) -> Array:
        """(n, 2 w)"""
        along = (rows @ self.weights).astype(np.float32)
        return np.hstack([np.cos(along), np.sin(along)]) / np.float32(np.sqrt(_WAVES))


def changed(values: Floats, delta: float) -> bool:
    """Whether the mean of values between 0 and 1 has changed, by ADWIN.

    values: (n,) in order, trusted ones first; the detector is built anew, so that nothing is kept
        of it that cannot be written down

    >>> calm = np.tile([0.2, 0.4, 0.6, 0.8], 200)
    >>> changed(calm, 0.002), changed(np.append(calm, calm[:300] / 2), 0.002)
    (False, True)

    References
    ----------
    Bifet, Gavaldà (2007). Learning from Time-Changing Data with Adaptive Windowing.
    doi:10.1137/1.9781611972771.42
    """
    try:
        from river.drift import ADWIN
    except ImportError:
        raise MissingExtra("watching drift", "gate") from None
    adwin = ADWIN(delta=delta)
    found = False
    for value in values.tolist():
        adwin.update(value)
        found |= adwin.drift_detected
    return bool(found)


def apart(anchor: Array, here: Array, rng: Generator) -> tuple[float, float]:
    """Squared distance of two means in feature space, and the p-value of that.

    Two samples of one distribution are as far apart as any two halves of both together. Beyond
    what permutations show, the distance is a weighted sum of squared normal numbers, whose weights
    are the variances of both together; its tail is taken by saddlepoint approximation.

    References
    ----------
    Gretton et al. (2012). A Kernel Two-Sample Test.
    https://jmlr.org/papers/v13/gretton12a.html
    Kuonen (1999). Saddlepoint Approximations for Distributions of Quadratic Forms in Normal
    Variables. doi:10.1093/biomet/86.4.929
    """
    both = np.concatenate([anchor, here])
    m, n = len(anchor), len(here)
    sides = np.full((_PERMUTED + 1, m + n), -1.0 / m, np.float32)
    sides[0, m:] = 1.0 / n
    for one in range(1, _PERMUTED + 1):
        sides[one, rng.permutation(m + n)[:n]] = 1.0 / n
    squares = ((sides @ both).astype(np.float64) ** 2).sum(axis=1)
    real, drawn = float(squares[0]), squares[1:]
    above = (1 + (drawn >= real).sum()) / (1 + _PERMUTED)
    if above > _RESOLVED / _PERMUTED:
        return real, float(above)
    centred = (both - both.mean(axis=0)).astype(np.float64)
    weights = np.linalg.eigvalsh(centred.T @ centred / (m + n)) * (1 / m + 1 / n)
    return real, min(_tail(real, weights[weights > 0]), float(above))


def _tail(value: float, weights: Floats) -> float:
    """Chance that squares of normal numbers, so weighted, add up to more; far above their mean."""
    if not len(weights) or value <= 1.01 * weights.sum():
        return 1.0
    most = 1 / (2 * weights.max())

    def steep(at: float) -> float:
        return float((weights / (1 - 2 * weights * at)).sum()) - value

    at = float(brentq(steep, 0.0, most * (1 - 1e-9)))
    bend = float((2 * weights**2 / (1 - 2 * weights * at) ** 2).sum())
    height = -0.5 * float(np.log1p(-2 * weights * at).sum())
    far = np.sqrt(2 * (at * value - height))
    return float(max(norm.sf(far + np.log(at * np.sqrt(bend) / far) / far), 1e-300))


def course(levels: Floats) -> tuple[bool, int]:
    """Whether a course of levels changed at once, and the position from which on it was other.

    levels: (t,) of trusted rows first, then window by window

    >>> course(np.array([0.5, 0.5, 0.51, 0.5, 0.8, 0.81]))
    (True, 4)
    >>> course(np.array([0.5, 0.5, 0.55, 0.6, 0.66, 0.7, 0.75, 0.81]))[0]
    False
    """
    t = len(levels)
    at = np.arange(t)
    steps = [_left(levels, (at >= start).astype(float)) for start in range(1, t)]
    start = int(np.argmin(steps)) + 1
    slopes = [
        (_left(levels, np.clip((at - begin) / (end - begin), 0, 1)), begin + 1)
        for begin in range(t - 3)
        for end in range(begin + 3, t)
    ]
    if not slopes:
        return True, start
    best, begin = min(slopes)
    noise = np.median(np.abs(np.diff(levels))) ** 2
    abrupt = steps[start - 1] <= _STEPS_LEAST * best + noise
    return (True, start) if abrupt else (False, begin)


def _left(levels: Floats, shape: Floats) -> float:
    """Sum of squares that a shape, moved and stretched, does not explain."""
    own, other = levels - levels.mean(), shape - shape.mean()
    squares = float(other @ other)
    return float(own @ own) - float(own @ other) ** 2 / max(squares, 1e-12)
