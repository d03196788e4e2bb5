"""What a guess of as many rows and the perfect answer get."""

from __future__ import annotations

import numpy as np


def guess(seen):
    score = np.random.default_rng(0).random(len(seen.labels))
    return score, score > np.quantile(
        score, 1 - seen.truth.mean()
    ) if seen.truth.any() else score > 2


def perfect(seen):
    return seen.truth.astype(float), seen.truth
