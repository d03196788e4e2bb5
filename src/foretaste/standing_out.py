"""Which class of a model stands out from its others, and how often one of a clean model would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretaste.data import Floats
from foretaste.trained import Severity

SURE = 0.01  # at this p-value or below a suspicion is critical, above it is a warning
CLASSES = 10  # of the models a null was measured on
UNREACHED = 2.0  # times the largest that was found: what counts for a class that was not reached


@dataclass(frozen=True)
class Gumbel:
    """How far the foremost class of clean models stands out: a distribution of largest values.

    location: of models of ten classes; more classes have more chances
    scale:    the same unit as the scores

    >>> Gumbel(1.0, 0.2).p_values(np.array([1.0, 2.0]), 10).round(4).tolist()
    [0.6321, 0.0067]
    """

    location: float
    scale: float

    def p_values(self, scores: Floats, classes: int) -> Floats:
        """(m,) how often the foremost class of a clean model scores so high; NaN stays NaN."""
        rate = classes / CLASSES * np.exp(-(scores - self.location) / self.scale)
        p: Floats = -np.expm1(-rate)
        return p


def halvings(sizes: Floats) -> Floats:
    """(k,) how many times the median of the other classes must be halved to be as small.

    sizes: (k,) above 0; inf where nothing was found

    >>> halvings(np.array([8.0, 8.0, 1.0, np.inf])).tolist()
    [0.0, 0.0, 3.0, -1.0]
    """
    known = sizes[np.isfinite(sizes)]
    if len(sizes) < 2 or not len(known):
        return np.full(len(sizes), np.nan)
    logs = np.log2(np.where(np.isfinite(sizes), sizes, UNREACHED * known.max()))
    others = [np.median(np.delete(logs, code)) for code in range(len(logs))]
    return np.array(others) - logs


def gravity(p_value: float) -> Severity:
    """How bad it is that a class stands out.

    >>> str(gravity(0.03))
    'warning'
    """
    return Severity.CRITICAL if p_value <= SURE else Severity.WARNING
