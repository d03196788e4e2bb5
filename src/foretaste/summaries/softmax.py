"""Multinomial logistic regression, quick enough to be fitted once a fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from foretaste.data import Array, Floats, Ints

_WORK = 1e11  # multiplications a fit may cost; many classes get fewer steps


@dataclass(frozen=True)
class Softmax:
    """Class probabilities that are linear in the vector, on the log scale.

    Starts at the closed form of a shared-covariance Gaussian model and improves by L-BFGS, so
    that a thousand classes, which can afford few steps, still get a sound answer.

    >>> vectors = np.array([[0.0], [0.2], [3.0], [3.2]])
    >>> model = Softmax.fit(vectors, np.array([0, 0, 1, 1]), np.ones(4), 2)
    >>> model.probabilities(vectors).argmax(axis=1).tolist()
    [0, 0, 1, 1]

    References
    ----------
    Liu, Nocedal (1989). On the limited memory BFGS method. doi:10.1007/BF01589116
    """

    centre: Array  # (d,)
    spread: Array  # (d,)
    weights: Array  # (d + 1, k), the last row is the intercept

    @classmethod
    def fit(
        cls, vectors: Array, labels: Ints, weight: Floats, k: int, ridge: float = 1.0
    ) -> Softmax:
        """Of vectors (n, d), class codes (n,) below k and how many rows each stands for (n,).

        ridge: penalty on the squared weights of the standardised columns, summed over all rows
        """
        shares = (weight / weight.sum()).astype(np.float32)
        centre = shares @ vectors
        spread = np.sqrt(shares @ (vectors - centre) ** 2)
        spread = np.maximum(spread, 0.1 * spread.max() + 1e-12)  # rare columns stay small
        inputs = _inputs(vectors, centre, spread)
        start = _gaussian(inputs, labels, weight, k)
        steps = int(np.clip(_WORK / (4.0 * inputs.size * k), 2, 60))
        found = minimize(
            _loss, start.ravel(), (inputs, labels, weight.astype(np.float32), ridge), "L-BFGS-B",
            jac=True, options={"maxiter": steps},
        )  # fmt: skip
        return cls(centre, spread, found.x.reshape(start.shape).astype(np.float32))

    def further(
        self, vectors: Array, labels: Ints, weight: Floats, steps: int, ridge: float = 1.0
    ) -> Softmax:
        """The same model after some more steps, of other rows."""
        inputs = _inputs(vectors, self.centre, self.spread)
        found = minimize(
            _loss, self.weights.astype(np.float64).ravel(),
            (inputs, labels, weight.astype(np.float32), ridge), "L-BFGS-B",
            jac=True, options={"maxiter": steps},
        )  # fmt: skip
        weights = found.x.reshape(self.weights.shape).astype(np.float32)
        return Softmax(self.centre, self.spread, weights)

    def probabilities(self, vectors: Array) -> Floats:
        """(n, k) rows that sum to one."""
        return _softmax((self.inputs(vectors) @ self.weights).astype(np.float64))

    def inputs(self, vectors: Array) -> Array:
        """(n, d + 1) what the weights are multiplied by: standardised, with a column of ones."""
        return _inputs(vectors, self.centre, self.spread)

    def slopes(self) -> Array:
        """(d, k) how the logits grow with the vector as given."""
        slopes: Array = self.weights[:-1] / self.spread[:, None]
        return slopes


def _inputs(vectors: Array, centre: Array, spread: Array) -> Array:
    """Standardised, with a column of ones."""
    scaled = ((vectors - centre) / spread).astype(np.float32)
    return np.hstack([scaled, np.ones((len(scaled), 1), np.float32)])


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _gaussian(inputs: Array, labels: Ints, weight: Floats, k: int) -> Floats:
    """Linear discriminant weights: class means through the pooled covariance."""
    x, mass = inputs[:, :-1], np.bincount(labels, weight, k)
    share = csr_matrix((weight.astype(np.float32), (labels, np.arange(len(x)))), (k, len(x)))
    means = (share @ x) / np.maximum(mass, 1.0)[:, None]
    centred = x - means[labels].astype(np.float32)
    pooled = (centred * weight[:, None].astype(np.float32)).T @ centred / mass.sum()
    directions = np.linalg.solve(pooled + 0.01 * np.eye(len(pooled)), means.T)
    intercept = np.log((mass + 0.5) / mass.sum()) - 0.5 * (means * directions.T).sum(axis=1)
    return np.vstack([directions, intercept])


def _loss(
    flat: Floats, inputs: Array, labels: Ints, weight: Array, ridge: float
) -> tuple[float, Floats]:
    """Weighted negative log-likelihood plus the ridge, and its slope."""
    at = flat.reshape(inputs.shape[1], -1)
    chances = _softmax(inputs @ at.astype(np.float32))
    rows = np.arange(len(labels))
    total, slopes = weight.sum(), chances * weight[:, None]
    told = np.log(np.maximum(chances[rows, labels], 1e-30)) @ weight
    slopes[rows, labels] -= weight
    penalised = np.vstack([at[:-1], np.zeros((1, at.shape[1]))])
    slope = (inputs.T @ slopes).astype(np.float64) + ridge * penalised
    return float(-told + 0.5 * ridge * (penalised**2).sum()) / total, slope.ravel() / total
