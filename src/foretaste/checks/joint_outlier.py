"""Records far from all trusted ones in several values at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Batch, Floats, Mask
from foretaste.streaming import Aspect
from foretaste.surprise import Tail


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """Where trusted records lie, and how far out they are."""

    centre: Floats  # (d,)
    root: Floats  # (d, d) maps differences to whitened ones
    tail: Tail


@dataclass(frozen=True)
class JointOutlier:
    """Holds records at a large Mahalanobis distance from the trusted ones, whatever their label.

    Half of the trusted rows give centre and correlations, shrunk towards none; the other half say
    how far out honest records are. Neither ever moves, so no stream can shift them.

    Blind to records inside the cloud of honest ones, and to drift that is honest: it holds that
    too, until trusted rows are renewed.

    Needs `embedding` (n, d).

    >>> rng = np.random.default_rng(0)
    >>> check = JointOutlier()
    >>> state = check.start(Batch(range(400), {"embedding": rng.normal(size=(400, 2))}))
    >>> far = Batch(list("ab"), {"embedding": [[0.1, 0.2], [30.0, 30.0]]})
    >>> check.judge(far, state)[0].round(1).tolist()[0]
    0.0

    References
    ----------
    Mahalanobis (1936). On the generalised distance in statistics.
    Ledoit, Wolf (2004). A well-conditioned estimator for large-dimensional covariance matrices.
    doi:10.1016/S0047-259X(03)00096-4
    """

    needs: ClassVar = ("embedding",)
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Ellipsoid:
        vectors = np.nan_to_num(np.asarray(trusted["embedding"], np.float64))
        centre, root = _whitening(vectors[::2])
        away = _distance(vectors[1::2] if len(vectors) > 1 else vectors, centre, root)
        return Ellipsoid(centre, root, Tail.of(away))

    def judge(self, batch: Batch, state: Ellipsoid) -> tuple[Floats, Ellipsoid]:
        vectors = np.asarray(batch["embedding"], np.float64)
        return state.tail.surprise(_distance(vectors, state.centre, state.root)), state

    def learn(self, window: Batch, admitted: Mask, state: Ellipsoid) -> Ellipsoid:
        return state

    def explain(self, batch: Batch, row: int, state: Ellipsoid) -> str:
        vectors = np.asarray(batch["embedding"][[row]], np.float64)
        away = _distance(vectors, state.centre, state.root)[0]
        usual = float(np.median(state.tail.knots))
        return f"{away / max(usual, 1e-9):.1f} times as far from the trusted rows as is usual"


def _whitening(vectors: Floats) -> tuple[Floats, Floats]:
    n, d = vectors.shape
    centre = vectors.mean(axis=0)
    width = np.maximum(vectors.std(axis=0), 1e-6)
    scaled = (vectors - centre) / width
    share = min(0.5, 0.01 + d / (n + d))
    values, axes = np.linalg.eigh((1 - share) * scaled.T @ scaled / n + share * np.eye(d))
    return centre, axes / np.sqrt(values) / width[:, None]


def _distance(vectors: Floats, centre: Floats, root: Floats) -> Floats:
    away: Floats = np.linalg.norm((vectors - centre) @ root, axis=1)
    return away
