"""Records far from all trusted ones in several values at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints, Mask
from foretaste.streaming import Aspect
from foretaste.summaries.vote import finite
from foretaste.surprise import Tail

_EACH = 150  # trusted rows that are worth a cloud of their own
_ROUNDS = 10  # of moving centres to where their rows are
_FLOOR = 0.5  # least width of a cloud in any value, in half widths of the widest value
_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Clouds:
    """Where trusted records lie, cloud by cloud.

    width:   by which vectors are divided
    centres: (m, d) of divided vectors
    roots:   (m, d, d) maps differences from each centre to whitened ones
    usual, spread: (m,) of the logarithm of honest distances
    """

    width: float
    centres: Array
    roots: Array
    usual: Floats
    spread: Floats

    def odd(self, vectors: Array) -> Floats:
        """(n,) how far out in its cloud each is, in spreads of honest distances."""
        scaled = vectors / np.float32(self.width)
        near, found = _nearest(scaled, self.centres), np.empty(len(scaled))
        for cloud in np.unique(near):
            mine = near == cloud
            away = _distance(scaled[mine], self.centres[cloud], self.roots[cloud])
            found[mine] = (np.log(away + 1e-3) - self.usual[cloud]) / self.spread[cloud]
        return found


@dataclass(frozen=True, eq=False)
class Known:
    """Clouds of all trusted rows, and how far out those are that helped to make none."""

    clouds: Clouds
    tail: Tail


@dataclass(frozen=True)
class JointOutlier:
    """Holds records far from the cloud of trusted ones that they are nearest to.

    Honest traffic is of several kinds, so trusted rows are parted into clouds by k-means. A cloud
    has its own centre and correlations, shrunk towards none, and its own idea of what is far: the
    logarithm of the Mahalanobis distance, in spreads of honest ones, which heavy tails do not
    break. How far out honest records are is told by trusted rows that helped to make no cloud,
    stretch by stretch. Nothing of it ever moves, so no stream can shift it.

    clouds: at most so many; fewer where there are less than 150 trusted rows for each
    rows: of the trusted ones that are used, evenly over time
    seed: of the first centres

    Blind to records inside a cloud, wherever their label says they belong; to many that are each
    only a little far out, which is what honest drift looks like, too: how far such may move what is
    learned is the business of `drift_budget`; and to honest records of a new kind, which it holds
    until trusted rows are renewed.

    Needs `embedding` (n, d).

    >>> rng = np.random.default_rng(0)
    >>> check = JointOutlier()
    >>> two = rng.normal(size=(900, 2)) + 20 * (np.arange(900) % 2)[:, None]
    >>> state = check.start(Batch(range(900), {"embedding": two}))
    >>> asked = Batch(list("abc"), {"embedding": [[0.1, 0.2], [20.0, 20.0], [10.0, 10.0]]})
    >>> (check.judge(asked, state)[0] > 2).tolist()
    [False, False, True]

    References
    ----------
    Mahalanobis (1936). On the generalised distance in statistics.
    Ledoit, Wolf (2004). A well-conditioned estimator for large-dimensional covariance matrices.
    doi:10.1016/S0047-259X(03)00096-4
    """

    needs: ClassVar = ("embedding",)
    aspect: ClassVar = Aspect.INTEGRITY
    clouds: int = 24
    rows: int = 20_000
    seed: int = 0

    def start(self, trusted: Batch) -> Known:
        vectors = finite(trusted["embedding"])
        step = max(1.0, len(vectors) / self.rows)
        vectors = vectors[np.arange(0, len(vectors), step).astype(np.int64)]
        fold = np.arange(len(vectors)) * _FOLDS // len(vectors)
        odd = np.full(len(vectors), np.nan)
        for one in range(_FOLDS):
            if (fold != one).any():
                odd[fold == one] = self._clouds(vectors[fold != one]).odd(vectors[fold == one])
        return Known(self._clouds(vectors), Tail.of(odd))

    def judge(self, batch: Batch, state: Known) -> tuple[Floats, Known]:
        given = np.asarray(batch["embedding"], np.float32)
        surprise = state.tail.surprise(state.clouds.odd(finite(given)))
        surprise[~np.isfinite(given).all(axis=1)] = np.nan
        return surprise, state

    def learn(self, window: Batch, admitted: Mask, state: Known) -> Known:
        return state

    def explain(self, batch: Batch, row: int, state: Known) -> str:
        scaled = finite(batch["embedding"][[row]]) / np.float32(state.clouds.width)
        cloud = int(_nearest(scaled, state.clouds.centres)[0])
        away = _distance(scaled, state.clouds.centres[cloud], state.clouds.roots[cloud])[0]
        times = away / np.exp(state.clouds.usual[cloud])
        return f"{times:.1f} times as far from the nearest kind of trusted rows as is usual"

    def _clouds(self, vectors: Array) -> Clouds:
        n, d = vectors.shape
        width = float(vectors.std(axis=0, dtype=np.float64).max()) / 2 + 1e-9
        scaled = vectors / np.float32(width)
        near, centres = _parted(scaled, min(self.clouds, max(1, n // _EACH)), self.seed)
        roots = np.empty((len(centres), d, d), np.float32)
        usual, spread = np.zeros(len(centres)), np.ones(len(centres))
        for cloud, centre in enumerate(centres):
            mine = scaled[near == cloud]
            half = len(mine) // 2
            if half > d:  # half of the rows measure how far the others are
                away = _distance(mine[half:], centre, _root(mine[:half], centre))
            else:
                away = _distance(mine, centre, _root(mine, centre))
            logs = np.log(away + 1e-3)
            usual[cloud] = np.median(logs)
            spread[cloud] = max(float(np.quantile(logs, 0.9) - usual[cloud]), 0.1)
            roots[cloud] = _root(mine, centre)
        return Clouds(width, centres, roots, usual, spread)


def _root(scaled: Array, centre: Array) -> Array:
    """(d, d) of rows of which all values have about the width one."""
    n, d = scaled.shape
    moved = (scaled - centre).astype(np.float64)
    share = min(0.9, d / (n + d))
    spread = moved.T @ moved / n
    spread = (1 - share) * spread + share * np.diag(np.diag(spread)) + _FLOOR**2 * np.eye(d)
    values, axes = np.linalg.eigh(spread)
    root: Array = (axes / np.sqrt(values)).astype(np.float32)
    return root


def _distance(scaled: Array, centre: Array, root: Array) -> Floats:
    moved = (scaled - centre) @ root
    away: Floats = np.sqrt(np.einsum("nd,nd->n", moved, moved)).astype(np.float64)
    return away


def _nearest(scaled: Array, centres: Array) -> Ints:
    if len(centres) == 1:
        return np.zeros(len(scaled), np.int64)
    closeness = scaled @ centres.T - 0.5 * np.einsum("nd,nd->n", centres, centres)
    return np.asarray(closeness.argmax(axis=1))


def _parted(scaled: Array, clouds: int, seed: int) -> tuple[Ints, Array]:
    """k-means; clouds that end with few rows are given up."""
    rng = np.random.default_rng(seed)
    centres = scaled[rng.choice(len(scaled), 1)]
    while len(centres) < clouds:  # far from all there are: k-means++
        away = np.min([((scaled - one) ** 2).sum(axis=1) for one in centres], axis=0)
        if not away.sum():
            break
        drawn = rng.choice(len(scaled), p=away / away.sum(dtype=np.float64))
        centres = np.vstack([centres, scaled[drawn]])
    for _ in range(_ROUNDS):
        near = _nearest(scaled, centres)
        size = np.bincount(near, minlength=len(centres))
        kept = np.flatnonzero(size >= min(_EACH / 3, len(scaled) / len(centres)))
        centres = np.stack([scaled[near == one].mean(axis=0) for one in kept])
    return _nearest(scaled, centres), centres
