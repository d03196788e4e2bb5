"""An anomaly detector for a stream, which keeps learning from what it admits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints, Mask
from foretaste.errors import BadInput
from foretaste.summaries.fields import table_of

USUAL = 3.0  # spreads from the median; what is farther counts by its logarithm


@dataclass(frozen=True)
class Space:
    """Makes vectors of the numbers in a row: centred, scaled, and squashed where they are far."""

    names: tuple[str, ...]
    centre: Floats  # (d,)
    spread: Floats  # (d,)

    @classmethod
    def of(cls, rows: Batch) -> Space:
        """Median and spread of each field of numbers; strings are left out."""
        numbers = table_of(rows).select(pl.selectors.numeric())
        if not numbers.width:
            raise BadInput("an online centroid needs fields of numbers; these features have none")
        values = np.nan_to_num(numbers.to_numpy().astype(np.float64))
        centre = np.median(values, axis=0)
        away = np.abs(values - centre)
        spread = np.maximum(np.median(away, axis=0) / 0.6745, 0.1 * away.mean(axis=0))
        return cls(tuple(numbers.columns), centre, np.where(spread > 0, spread, 1.0))

    def vectors(self, rows: Batch) -> Floats:
        """(n, d)."""
        values = table_of(rows).select(self.names).to_numpy().astype(np.float64)
        away = (np.nan_to_num(values) - self.centre) / self.spread
        squashed: Floats = USUAL * np.arcsinh(away / USUAL)
        return squashed

    def values(self, vectors: Floats) -> Floats:
        """(n, d) the numbers that would become these vectors."""
        return self.centre + self.spread * USUAL * np.sinh(vectors / USUAL)


@dataclass(frozen=True)
class Centroid:
    """A hypersphere around what is normal; what lies outside raises an alarm."""

    space: Space
    centre: Floats  # (d,)
    radius: float
    seen: int  # rows the centre is the mean of
    horizon: int | None

    def predict(self, rows: Batch) -> Floats:
        """(n,) distance from the centre, in radii: above 1 is an alarm."""
        away = np.linalg.norm(self.space.vectors(rows) - self.centre, axis=1)
        return np.asarray(away / self.radius, np.float64)

    def after(self, vector: Floats) -> Centroid:
        """The detector once it has met a row: moved towards it if it raised no alarm."""
        away = vector - self.centre
        if away @ away > self.radius**2:
            return self
        seen = self.seen + 1
        weight = seen if self.horizon is None else min(seen, self.horizon)
        return Centroid(self.space, self.centre + away / weight, self.radius, seen, self.horizon)


@dataclass(frozen=True)
class OnlineCentroid:
    """Learns the centre of a stream row by row, from the rows that raise no alarm.

    Rows are met in the order of their `time`, else as they stand. The first of them are trusted:
    they give the scale of each number, the first centre, and the radius, which stays. Rows known to
    be other than normal by their label teach nothing.

    warm: how many rows are trusted, if they are less than half of all
    horizon: rows that the centre is the mean of, the older ones fading; None: all there were
    alarms: share of the trusted rows that lies outside the radius
    normal: the class that is normal; None: the most frequent one of the rows given

    The quality is the AUC: how often a row of another class is farther out than a normal one;
    NaN where rows have no label or all have the same.

    Needs `features` (n, d) of numbers or (n,) of records, of which the numbers are used.

    >>> stream = np.random.default_rng(0).normal(size=(500, 3))
    >>> rows = Batch(range(500), {"features": stream})
    >>> detector = OnlineCentroid().train(rows, seed=0)
    >>> far = Batch(["near", "far"], {"features": [[0.0, 0.0, 0.0], [40.0, 0.0, 0.0]]})
    >>> (detector.predict(far) > 1).tolist()
    [False, True]

    References
    ----------
    Kloft, Laskov (2012). Security Analysis of Online Centroid Anomaly Detection. JMLR 13.
    arXiv:1003.0078
    """

    warm: int = 1_000
    horizon: int | None = 1_000
    alarms: float = 0.01
    normal: int | None = None

    needs: ClassVar = ("features",)
    measure: ClassVar = "AUC"

    def train(self, rows: Batch, seed: int) -> Centroid:
        """Leaves nothing to chance, so the seed is not asked."""
        started, rest = self.started(rows)
        return _followed(started, rest)

    def tune(self, victim: Centroid, rows: Batch, seed: int) -> Centroid:
        """The stream goes on."""
        return _followed(replace(victim), self.ordered(rows))

    def quality(self, outcomes: Array, rows: Batch) -> float:
        if "label" not in rows:
            return float("nan")
        known = rows["label"] != UNLABELLED
        odd = ~self.ordinary(rows)[known]
        if odd.all() or not odd.any():
            return float("nan")
        return float(roc_auc_score(odd, outcomes[known]))

    def started(self, rows: Batch) -> tuple[Centroid, Batch]:
        """The detector as the trusted rows make it, and what it meets then, in order."""
        stream = self.ordered(rows)
        trusted = min(self.warm, len(stream) // 2)
        if trusted < 2:
            raise BadInput(f"{trusted} trusted rows cannot tell what is normal; give more rows")
        first = stream.take(np.arange(trusted))
        space = Space.of(first)
        vectors = space.vectors(first)
        centre = vectors.mean(axis=0)
        away = np.linalg.norm(vectors - centre, axis=1)
        radius = max(float(np.quantile(away, 1 - self.alarms)), 1e-9)
        started = Centroid(space, centre, radius, trusted, self.horizon)
        return started, stream.take(np.arange(trusted, len(stream)))

    def ordered(self, rows: Batch) -> Batch:
        """What the detector meets, in the order in which it does."""
        at = in_order(rows)
        return rows.take(at[self.ordinary(rows)[at]])

    def ordinary(self, rows: Batch) -> Mask:
        """(n,) which rows are normal, or not known to be otherwise."""
        if "label" not in rows:
            return np.ones(len(rows), bool)
        label = rows["label"]
        return np.asarray((label == self.normal_class(rows)) | (label == UNLABELLED))

    def normal_class(self, rows: Batch) -> int:
        """The class code that counts as normal; `UNLABELLED` where no row has a label."""
        known = rows["label"][rows["label"] != UNLABELLED]
        if self.normal is not None or not len(known):
            return UNLABELLED if self.normal is None else self.normal
        return int(np.bincount(known).argmax())


def in_order(rows: Batch) -> Ints:
    """The positions of rows by their `time`, those without one last; else as they stand.

    >>> in_order(Batch(list("abc"), {"time": [3.0, 1.0, float("nan")]})).tolist()
    [1, 0, 2]
    """
    if "time" not in rows:
        return np.arange(len(rows))
    return np.argsort(np.asarray(rows["time"], np.float64), kind="stable")


def _followed(detector: Centroid, stream: Batch) -> Centroid:
    met: Any = detector.space.vectors(stream)
    for vector in met:
        detector = detector.after(vector)
    return detector
