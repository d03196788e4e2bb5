"""Rows that are far from their class in too many directions at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.summaries.strata import Strata
from foretaste.summaries.vote import finite

_ROUNDS = 3  # of leaving out the farthest and estimating again
_KEPT = 0.9  # share of a class that estimates its shape
_LEAST = 20  # rows that make a class


class Shape(NamedTuple):
    """Where a class lies, without its own farthest rows."""

    centre: Floats  # (d,)
    root: Floats  # (d, d) maps differences to whitened ones
    usual: float  # median distance of its rows


@dataclass(frozen=True)
class Outlier:
    """Suspects rows at a large robust Mahalanobis distance from their class.

    The shape of each class is estimated three times from its nearest 90 %, with correlations
    shrunk where rows are few; classes of very few rows share one shape. The score is the log of
    the distance over the class's median distance, so classes compare; real features are
    heavy-tailed, so what is far is for the fitted null to say, not for a chi-squared table.

    Blind to rows that are odd only in combination with their label's meaning, and to dense groups.

    Needs `embedding` (n, d) and `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> vectors = np.random.default_rng(0).standard_normal((50, 2))
    >>> vectors[7] = 9
    >>> rows = Batch(range(50), {"embedding": vectors, "label": np.zeros(50, int)})
    >>> outlier = Outlier()
    >>> int(outlier.score(rows, outlier.fit(outlier.summarize(rows))).argmax())
    7

    References
    ----------
    Rousseeuw, Van Driessen (1999). A fast algorithm for the minimum covariance determinant
    estimator. doi:10.1080/00401706.1999.10485670
    """

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.RAW
    rows: int = 20_000
    seed: int = 0

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.rows, self.seed)

    def fit(self, summary: Strata) -> Mapping[int, Shape]:
        rows = summary.sorted()
        vectors, labels = finite(rows["embedding"]), rows["label"]
        present, sizes = np.unique(labels, return_counts=True)
        large = sizes >= max(_LEAST, 2 * vectors.shape[1])
        own = {int(c): _shape(vectors[labels == c]) for c in present[large]}
        return {**own, **_shared(vectors, labels, present[~large & (sizes >= _LEAST)])}

    def score(self, batch: Batch, model: Mapping[int, Shape]) -> Floats:
        scores = np.full(len(batch), np.nan)  # a class too small to have a shape cannot be judged
        for label, shape in model.items():
            mine = np.flatnonzero(batch["label"] == label)
            far = _distance(finite(batch["embedding"][mine]), shape)
            scores[mine] = np.log(far / shape.usual + 1e-3)
        return scores

    def explain(self, batch: Batch, row: int, model: Mapping[int, Shape]) -> str:
        label = int(batch["label"][row])
        name = batch.class_name(label)
        if label not in model:
            return f"too few rows of {name} to say what is usual"
        far = _distance(finite(batch["embedding"][[row]]), model[label])[0]
        return f"{far / model[label].usual:.1f} times as far from the centre of {name} as usual"


def _shape(vectors: Array) -> Shape:
    kept = vectors
    for _ in range(_ROUNDS):
        shape = _whitened(kept)
        far = _distance(vectors, shape)
        kept = vectors[far <= np.quantile(far, _KEPT)]
    return shape._replace(usual=max(float(np.median(far)), 1e-9))


def _shared(vectors: Array, labels: Ints, small: Ints) -> Mapping[int, Shape]:
    """Classes of few rows have their own centre and one shape between them."""
    centres = {int(c): np.median(vectors[labels == c], axis=0) for c in small}
    if not centres:
        return {}
    moved = [vectors[labels == c] - centre for c, centre in centres.items()]
    shape = _shape(np.concatenate(moved))
    return {c: shape._replace(centre=shape.centre + centre) for c, centre in centres.items()}


def _whitened(vectors: Array) -> Shape:
    """Correlations shrunk towards none, by d / n and a little, so that no direction vanishes."""
    n, d = vectors.shape
    centre = vectors.mean(axis=0, dtype=np.float64)
    width = vectors.std(axis=0, dtype=np.float64)
    width = np.maximum(width, 1e-3 * width.max() + 1e-12)
    scaled = (vectors - centre) / width
    share = min(0.5, 0.01 + d / (n + d))
    spread = (1 - share) * (scaled.T @ scaled / max(n, 1)) + share * np.eye(d)
    values, axes = np.linalg.eigh(spread)
    return Shape(centre, axes / np.sqrt(values) / width[:, None], 1.0)


def _distance(vectors: Array, shape: Shape) -> Floats:
    far: Floats = np.linalg.norm((vectors - shape.centre) @ shape.root, axis=1)
    return far
