"""Finds vectors far closer to an earlier vector than neighbours in this data are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats
from foretaste.summaries import content
from foretaste.summaries.content import Gathered
from foretaste.summaries.families import Families, distinct, families
from foretaste.summaries.neighbours import neighbours
from foretaste.summaries.projections import close

FEWEST = 50  # different vectors below which no distance is called usual
_ASKED = 1000  # vectors whose nearest neighbour tells what is usual


@dataclass(frozen=True)
class NearDuplicateVector:
    """Flags vectors that are an earlier one but for a little noise.

    Two vectors are alike when their distance, each column divided by its spread, is at most
    `near` of the median distance of a vector to its nearest other: what is usual is learned
    from the data. The score is the number of other vectors in the family; its earliest scores 0.

    Remembers 24 bytes a row, 4 bytes for each of its numbers, and its location.

    Blind to copies that are scaled or noisier, to tables with names of columns, and to
    equal vectors, which `duplicate` finds.

    Needs `features` (n, d) of numbers.

    >>> values = np.random.default_rng(0).standard_normal((60, 8))
    >>> values[59] = values[7] + 0.0001
    >>> rows = Batch(map(str, range(60)), {"features": values, "index": np.arange(60)})
    >>> model = NearDuplicateVector().fit(NearDuplicateVector().summarize(rows))
    >>> np.flatnonzero(NearDuplicateVector().score(rows, model)).tolist()
    [59]

    References
    ----------
    Datar, Immorlica, Indyk, Mirrokni (2004). Locality-Sensitive Hashing Scheme Based on p-Stable
    Distributions. doi:10.1145/997817.997857
    """

    near: float = 0.02

    needs: ClassVar = ("features",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Gathered:
        vectors = _vectors(batch)
        if vectors is None:
            return Gathered(())
        usable = np.isfinite(vectors).all(axis=1)
        rows = batch.take(usable)
        key = content.hashed(rows.arrow("features"))
        return Gathered.of(rows, key=key, vector=vectors[usable].astype(np.float32))

    def fit(self, summary: Gathered) -> Families:
        rows = distinct(summary.sorted("key"))
        if len(rows) < FEWEST:
            return families(rows, np.empty((0, 2), np.int64))
        vectors = rows["vector"].to_numpy()
        spread = vectors.std(axis=0, dtype=np.float64)
        points = (vectors / np.where(spread > 0, spread, 1)).astype(np.float32)
        asked = points[np.argsort(rows["key"].to_numpy())[:_ASKED]]
        usual = float(np.median(neighbours(points, asked, 2, "euclidean").distances[:, 1]))
        return families(rows, close(points, max(self.near * usual, 1e-6)))

    def score(self, batch: Batch, model: Families) -> Floats:
        if _vectors(batch) is None:
            return np.zeros(len(batch))
        return model.score(content.hashed(batch.arrow("features")))

    def explain(self, batch: Batch, row: int, model: Families) -> str:
        one = batch.take([row])
        return model.explain(one, content.hashed(one.arrow("features")), "vector")


def _vectors(batch: Batch) -> Array | None:
    """The numbers of each row, where rows are vectors and not lines of a table."""
    if not isinstance(batch.arrow("features"), pa.FixedShapeTensorArray):
        return None
    vectors: Array = batch["features"]
    return vectors.reshape(len(batch), -1) if len(batch) else None
