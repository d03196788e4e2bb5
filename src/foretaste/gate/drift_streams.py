"""A record as numbers between 0 and 1: where it stands among trusted rows, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from foretaste.data import Array, Batch, Floats

KNOTS = 512  # quantiles kept of each value of trusted rows
_STREAMS = 64  # values watched, at most
_AXES = 16  # main directions of embeddings
_NAMES = 8  # classes, sources: the most common


@dataclass(frozen=True, eq=False)
class Streams:
    """What is watched of each record.

    names: (s,) of the values
    knots: (s, k) quantiles of trusted rows, rising
    common: column -> how common each category is among trusted rows
    sources: those counted by name
    centre, axes: (d,), (d, a) main directions of embeddings, if there are any
    """

    names: tuple[str, ...]
    knots: Floats
    common: dict[str, dict[str, float]]
    sources: tuple[str, ...]
    centre: Floats
    axes: Floats

    @classmethod
    def of(cls, trusted: Batch) -> Self:
        """trusted: with the columns that encoders add"""
        common = dict(_common(trusted))
        sources: tuple[str, ...] = ()
        if "source" in trusted:
            named, many = np.unique(trusted["source"].astype(str), return_counts=True)
            sources = tuple(named[np.argsort(-many, kind="stable")[:_NAMES]].tolist())
        centre, axes = _axes(trusted)
        bare = cls((), np.zeros((0, KNOTS)), common, sources, centre, axes)
        found = dict(list(bare._values(trusted))[:_STREAMS])
        at = np.linspace(0, 1, KNOTS)
        knots = [np.quantile(np.nan_to_num(one), at, method="nearest") for one in found.values()]
        return cls(tuple(found), np.array(knots).reshape(-1, KNOTS), common, sources, centre, axes)

    def ranks(self, batch: Batch) -> Floats:
        """(n, s) share of trusted rows below each value, half of those equal to it."""
        found = dict(self._values(batch))
        ranks = np.full((len(batch), len(self.names)), 0.5)
        for at, name in enumerate(self.names):
            if name in found:
                known, knots = np.isfinite(found[name]), self.knots[at]
                below = np.searchsorted(knots, found[name][known], "left")
                to = np.searchsorted(knots, found[name][known], "right")
                ranks[known, at] = (below + to) / (2 * KNOTS)
        return ranks

    def _values(self, batch: Batch) -> Iterator[tuple[str, Floats]]:
        """Each value watched, by name, as it is."""
        yield from self._named(batch)
        if "rating" in batch:
            yield "rating", np.asarray(batch["rating"], np.float64)
        for name in ("text", "prompt", "response"):
            if name in batch:
                lengths = [len(one or "") for one in batch[name]]
                yield f"length of {name}", np.array(lengths, np.float64)
        if "features" in batch:
            yield from _fields(batch.arrow("features"), self.common)
        elif self.axes.size:
            name = _embedding(batch)
            along = (np.nan_to_num(np.asarray(batch[name], np.float64)) - self.centre) @ self.axes
            for axis in range(along.shape[1]):
                yield f"direction {axis + 1} of {name}", along[:, axis]

    def _named(self, batch: Batch) -> Iterator[tuple[str, Floats]]:
        """Sources and classes, 1 where a record is of it."""
        if "source" in batch and self.sources:
            named = batch["source"].astype(str)
            for source in self.sources:
                yield f"source {source}", (named == source).astype(np.float64)
            yield "other sources", (~np.isin(named, self.sources)).astype(np.float64)
        if "label" in batch:
            for code in range(min(len(batch.classes), _NAMES)):
                yield f"label {batch.class_name(code)}", (batch["label"] == code).astype(float)


def _fields(
    features: pa.Array, common: dict[str, dict[str, float]]
) -> Iterator[tuple[str, Floats]]:
    if isinstance(features, pa.FixedShapeTensorArray):
        table = Batch([""] * len(features), {"features": features})["features"]
        flat = table.reshape(len(table), -1).astype(np.float64)
        yield from ((f"{at}", flat[:, at]) for at in range(min(flat.shape[1], _STREAMS)))
        return
    for field, column in zip(features.type, features.flatten(), strict=True):
        if pa.types.is_large_string(field.type) or pa.types.is_string(field.type):
            usual = common.get(field.name, {})
            values = [usual.get(one or "", 0.0) for one in column.to_pylist()]
            yield field.name, np.array(values, np.float64)
        else:
            yield field.name, column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _common(trusted: Batch) -> Iterator[tuple[str, dict[str, float]]]:
    if "features" not in trusted or not pa.types.is_struct(trusted.arrow("features").type):
        return
    features = trusted.arrow("features")
    for field, column in zip(features.type, features.flatten(), strict=True):
        if pa.types.is_large_string(field.type) or pa.types.is_string(field.type):
            values = np.array([one or "" for one in column.to_pylist()], object).astype(str)
            named, many = np.unique(values, return_counts=True)
            yield field.name, dict(zip(named.tolist(), (many / len(values)).tolist(), strict=True))


def _embedding(batch: Batch) -> str:
    names = [name for name in ("embedding", "response_embedding") if name in batch]
    return names[0] if names else ""


def _axes(trusted: Batch) -> tuple[Floats, Floats]:
    name = _embedding(trusted)
    if not name or "features" in trusted or not len(trusted):
        return np.zeros(0), np.zeros((0, 0))
    vectors: Array = np.nan_to_num(np.asarray(trusted[name], np.float64))
    centre = vectors.mean(axis=0)
    values, axes = np.linalg.eigh((vectors - centre).T @ (vectors - centre))
    best = axes[:, np.argsort(-values)[:_AXES]]
    signs = np.sign(best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])])
    return centre, best * signs
