"""A logistic model of sparse rows, small and repeatable: what the words of a row speak for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from foretaste.data import Floats, Ints, Mask

Weights = NDArray[np.float32]
_L2 = 1e-4
_STEPS = 25


def normed(table: Any) -> Any:
    """The same sparse rows, each of length one: a long row does not shout."""
    lengths = np.diff(table.indptr)
    shares = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return sp.csr_matrix((table.data * shares, table.indices, table.indptr), table.shape)


def logistic(rows: Any, targets: NDArray[np.float32]) -> Weights:
    """(d + 1, m) weights of m independent yes-or-no questions; the last line is the intercept.

    rows: (n, d) sparse; targets: (n, m) of 0 and 1

    >>> w = logistic(sp.csr_matrix(np.eye(2, dtype=np.float32)), np.array([[0], [1]], np.float32))
    >>> bool(w[0, 0] < 0 < w[1, 0])
    True
    """
    seen = np.unique(rows.indices)
    weights = np.zeros((rows.shape[1] + 1, targets.shape[1]), np.float32)
    if rows.shape[0]:
        fitted = _descend(rows[:, seen], targets)
        weights[seen], weights[-1] = fitted[:-1], fitted[-1]
    return weights


def _descend(rows: Any, targets: NDArray[np.float32]) -> Weights:
    n, m = targets.shape
    across = rows.T.tocsr()

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat.reshape(-1, m).astype(np.float32)
        margin = rows @ w[:-1] + w[-1]
        small = np.exp(-np.abs(margin))
        chance = np.where(margin >= 0, 1, small) / (1 + small)
        wrong = (chance - targets) / np.float32(n)
        cost = (np.maximum(margin, 0) - margin * targets + np.log1p(small)).sum() / n
        slope = np.vstack([across @ wrong + _L2 * w[:-1], wrong.sum(axis=0, keepdims=True)])
        return float(cost) + _L2 / 2 * float((w[:-1] ** 2).sum()), slope.ravel().astype(np.float64)

    share = np.clip(targets.mean(axis=0), 1e-3, 1 - 1e-3)
    start = np.zeros((rows.shape[1] + 1, m))
    start[-1] = np.log(share / (1 - share))
    best = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return best.x.reshape(-1, m).astype(np.float32)


def enough(table: Any, rows: Ints, items: int) -> int:
    """How many of the rows, from the first, hold that many items together.

    >>> enough(sp.csr_matrix(np.ones((4, 5))), np.array([0, 2, 3]), 10)
    2
    """
    return int(np.searchsorted(np.cumsum(np.diff(table.indptr)[rows]), items, "right"))


class Halves(NamedTuple):
    """Two models, each of which has seen half of the training rows and no other row."""

    weights: tuple[Weights, Weights]
    unseen: NDArray[np.float32]  # (n, 2) how far to trust each model for a row: it did not see it

    def margins(self, rows: Any) -> Floats:
        """(n, m) what the models that have not seen a row say of it."""
        said = [rows @ w[:-1] + w[-1] for w in self.weights]
        return (said[0] * self.unseen[:, :1] + said[1] * self.unseen[:, 1:]).astype(np.float64)


def halves(rows: Any, targets: NDArray[np.float32], chosen: Ints) -> Halves:
    """Trains on each half of the chosen rows."""
    first, second = chosen[::2], chosen[1::2]
    unseen = np.full((rows.shape[0], 2), 0.5, np.float32)
    unseen[first], unseen[second] = (0, 1), (1, 0)
    one, two = (logistic(rows[half], targets[half]) for half in (first, second))
    return Halves((one, two), unseen)


class Leaning(NamedTuple):
    """How much likelier a margin is among the rows that are not of a class than among its own."""

    margins: Floats  # (b,) ascending
    log_ratios: Floats  # (b,) descending

    def __call__(self, margins: Floats) -> Floats:
        """(n,) natural logarithm of the likelihood ratio: above 0 speaks against the class."""
        return np.interp(margins, self.margins, self.log_ratios)


def leaning(margins: Floats, belongs: Mask) -> Leaning:
    """Calibrates margins by isotonic regression on rows the model had not seen.

    Label noise among them is part of the null: a few rows of each class always look wrong.

    >>> leaning(np.array([-1.0, -1, 1, 1]), np.array([0, 0, 1, 1], bool))(np.array([-1, 1])) > 0
    array([ True, False])
    """
    order = np.argsort(margins, kind="stable")
    held = belongs[order].astype(float)
    edges = isotonic_regression(held).blocks
    sizes = np.diff(edges)
    shares = np.maximum.accumulate((np.add.reduceat(held, edges[:-1]) + 0.5) / (sizes + 1))
    centres = np.add.reduceat(margins[order], edges[:-1]) / sizes
    prior = (held.sum() + 0.5) / (len(held) + 1)
    return Leaning(centres, np.log((1 - shares) / shares) + np.log(prior / (1 - prior)))
