"""Axes of a class, as it is and beside what all classes have in common."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from foretaste.data import Floats
from foretaste.summaries.moments import Moments

FLOOR = 1e-3  # of the mean variance, added in every direction: dead units are not evidence
SMALL = 96  # dimensions up to which a whole eigen-decomposition is quicker


def pooled_whitening(moments: Moments) -> Floats:
    """(d, d) symmetric: makes the average within-class covariance the identity.

    >>> from foretaste.data import Batch
    >>> rows = np.array([[0.0, 0.0], [2.0, 4.0], [9.0, 0.0], [11.0, -4.0]])
    >>> pooled_whitening(Moments.of(rows, np.array([0, 0, 1, 1]))).round(2).tolist()
    [[1.0, 0.0], [0.0, 0.5]]
    """
    every = list(moments.by_class.values())
    pooled = sum(one.scatter for one in every) / sum(one.n for one in every)
    variances, directions = np.linalg.eigh(pooled)
    root = np.sqrt(np.maximum(variances, 0) + FLOOR * max(float(variances.mean()), 1e-12))
    return (directions / root) @ directions.T


def main_axes(covariance: Floats, count: int, whitening: Floats | None = None) -> Floats:
    """(d, count) the unit directions of greatest variance, greatest first.

    whitening: (d, d) symmetric; if given, the covariance is first whitened by it

    >>> main_axes(np.diag([1.0, 4.0]), 1).round(1).tolist()
    [[0.0], [1.0]]
    """
    d = len(covariance)
    count = min(count, d)
    if d <= SMALL or count > d // 4 or not covariance.any():
        white = covariance if whitening is None else whitening @ covariance @ whitening
        return np.linalg.eigh(white)[1][:, ::-1][:, :count]

    def seen(vector: Floats) -> Floats:  # three products with a vector beat two of matrices
        if whitening is None:
            return covariance @ vector
        return whitening @ (covariance @ (whitening @ vector))

    start = np.full(d, d**-0.5) + np.linspace(-0.1, 0.1, d)  # fixed, so the answer is
    operator = LinearOperator((d, d), matvec=seen, dtype=np.float64)
    values, axes = eigsh(operator, count, v0=start, which="LA", tol=1e-6)
    return axes[:, np.argsort(-values)]
