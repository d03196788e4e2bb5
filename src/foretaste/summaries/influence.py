"""How much each training row pushed the last layer of a model towards an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from foretaste.data import UNLABELLED, Array, Floats, Ints

TINY = 1e-30
FIRM = 1e-8  # added to the curvature, in shares of a row: no direction is quite flat
STEPS = 500  # of conjugate gradients


@dataclass(frozen=True)
class Pulls:
    """Gradients of the loss on a linear last layer, one a row, each kept as its two factors.

    The gradient of a row is the outer product of `hidden` (and a 1 for the intercept) and
    `error`, so the dot product of two gradients is a product of two dot products, and none of
    them is ever written out.

    hidden: (n, d) what the layer is applied to; dense or a sparse array
    error:  (n, k) class probabilities less the label; zero for rows without a label
    """

    hidden: Any
    error: Floats

    @classmethod
    def of(cls, hidden: Any, chances: Array, codes: Ints) -> Pulls:
        """Of class codes (n,); a row without one did not teach and pulls nowhere.

        >>> Pulls.of(np.eye(2), np.full((2, 2), 0.5), np.array([1, -1])).error.tolist()
        [[0.5, -0.5], [0.0, 0.0]]
        """
        known = (codes != UNLABELLED) & (codes < chances.shape[1])
        error = np.where(known[:, None], chances, 0.0)
        error[known, codes[known]] -= 1
        return cls(hidden, error)


def tracin(queries: Pulls, rows: Pulls) -> Floats:
    """(q, n) how much a step on each row lowers the loss of each query.

    Rows that the model still gets wrong count most. What it has learned by heart hardly counts,
    and a trigger is soon learned by heart.

    >>> query = Pulls(np.array([[1.0, 0.0]]), np.array([[-0.5, 0.5]]))
    >>> rows = Pulls(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[-0.5, 0.5], [0.5, -0.5]]))
    >>> tracin(query, rows).tolist()
    [[1.0, -0.5]]

    References
    ----------
    Pruthi et al. (2020). Estimating Training Data Influence by Tracing Gradient Descent.
    arXiv:2002.08484
    """
    alike: Floats = _dense(queries.hidden @ rows.hidden.T) + 1.0
    return alike * (queries.error @ rows.error.T)


def gas(queries: Pulls, rows: Pulls, centre: Array) -> Floats:
    """(q, n) in [-1, 1]: whether each row pushed the way that each answer needs, not how far.

    Gradients count by direction alone, so that what was learned early and by heart counts like
    what was not. The hidden layer is seen from its mean over the training rows (d,): what all
    rows share explains no answer.

    References
    ----------
    Hammoudeh, Lowd (2022). Identifying a Training-Set Attack's Target Using Renormalized
    Influence Estimation. arXiv:2201.10055
    """
    centre, shift = np.asarray(centre, np.float64), float(centre @ centre)
    off, away = (one.hidden @ centre for one in (queries, rows))
    alike = _dense(queries.hidden @ rows.hidden.T) - off[:, None] - away + shift
    long = np.outer(_length(queries.hidden, off, shift), _length(rows.hidden, away, shift))
    cosine: Floats = np.clip(alike / np.maximum(long, TINY), -1.0, 1.0)
    return cosine * (_unit(queries.error) @ _unit(rows.error).T)


def settled(queries: Pulls, rows: Pulls, chances: Array, ridge: float) -> Floats:
    """(q, d + 1, k) where the last layer would move, at the optimum, for each query.

    Solves with the Hessian of the summed loss by conjugate gradients. The walk over the rows
    is the only large product, so `hidden` may be sparse or mapped from disk.

    chances: (n, k) of the training rows; zero for those that did not teach
    ridge:   penalty on the squared weights beside the summed loss; none on the intercept
    """
    d, k = rows.hidden.shape[1], chances.shape[1]
    penalty = np.full((d + 1, 1), ridge + FIRM)
    penalty[-1] = FIRM

    def bent(flat: Floats) -> Floats:
        at = flat.reshape(d + 1, k)
        moved = chances * (rows.hidden @ at[:-1] + at[-1])
        moved -= chances * moved.sum(axis=1, keepdims=True)
        return (np.vstack([rows.hidden.T @ moved, moved.sum(axis=0)]) + penalty * at).ravel()

    hessian = LinearOperator((k * (d + 1), k * (d + 1)), matvec=bent, dtype=np.float64)
    found = []
    for i, error in enumerate(queries.error):
        slope = np.outer(np.append(_dense(queries.hidden[[i]]), 1.0), error)
        found.append(cg(hessian, slope.ravel(), rtol=1e-6, maxiter=STEPS)[0].reshape(slope.shape))
    return np.array(found).reshape(-1, d + 1, k)


def influence(moves: Floats, rows: Pulls) -> Floats:
    """(q, n) by how much leaving out each row would raise the loss of each query, in nats.

    moves: what `settled` gives. For a convex model this is the first order of the truth.

    References
    ----------
    Koh, Liang (2017). Understanding Black-box Predictions via Influence Functions.
    arXiv:1703.04730
    """
    scores = [((rows.hidden @ at[:-1] + at[-1]) * rows.error).sum(axis=1) for at in moves]
    return np.array(scores).reshape(len(moves), len(rows.error))


def _length(hidden: Any, off: Floats, shift: float) -> Floats:
    """(n,) of what is left of the hidden layer when its mean is taken away; no row is written."""
    squares = hidden.multiply(hidden) if hasattr(hidden, "multiply") else np.square(hidden)
    left = np.asarray(squares.sum(axis=1)).ravel() - 2 * off + shift
    return np.asarray(np.sqrt(np.maximum(left, 0.0)), np.float64)


def _dense(hidden: Any) -> Floats:
    made: Floats = hidden.toarray() if hasattr(hidden, "toarray") else np.asarray(hidden, float)
    return made


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: Floats = vectors / np.maximum(length, TINY)
    return made
