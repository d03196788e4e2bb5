"""Arrays held in memory as Arrow columns: images as 0 to 255, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Array

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Span:
    """Which values stand for black and for white."""

    low: float = 0.0
    high: float = 255.0

    @classmethod
    def of(cls, array: Array) -> Span:
        """From some images: the usual span that holds them, else from lowest to highest.

        >>> Span.of(np.array([0.0, 0.9])), Span.of(np.array([-2.0, 2.5]))
        (Span(low=0.0, high=1.0), Span(low=-2.0, high=2.5))
        """
        values = array[np.isfinite(array)] if array.dtype.kind == "f" else array
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        for usual in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
            if usual[0] <= low and high <= usual[1] and (array.dtype.kind == "f" or high > 1):
                return cls(*usual)
        return cls(low, max(high, low + 1e-9))

    def pixels(self, array: Array) -> Array:
        """(n, h, w[, c]) uint8, channels last."""
        shape = array.shape
        if len(shape) == 4 and shape[1] in _CHANNELS and shape[3] not in _CHANNELS:
            array = np.moveaxis(array, 1, -1)
        if array.dtype == np.uint8:
            return array
        values = np.nan_to_num(array.astype(np.float64), posinf=self.high, neginf=self.low)
        scaled = (values - self.low) * (255 / (self.high - self.low))
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def column(values: Any, spans: dict[str, Span] | None = None, name: str = "") -> pa.Array:
    """Arrow's column of arrays, tensors, pictures or plain values; one entry a row.

    spans: what earlier batches of a column took for black and white; the first decides

    >>> column(np.zeros((2, 3, 8, 8))).type.shape, column([1, 2]).type
    ([8, 8, 3], DataType(int64))
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values
    array = stacked(values)
    if array.ndim > 2:
        array = (spans if spans is not None else {}).setdefault(name, Span.of(array)).pixels(array)
    if array.ndim > 1:
        return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(array))
    return mixed(array.tolist()) if array.dtype == object else pa.array(array)


def stacked(values: Any) -> Array:
    """One array of all rows; of objects where they are no arrays of one shape."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if not isinstance(values, Sequence):
        return np.asarray(values)
    if values and all(hasattr(value, "__array__") or hasattr(value, "getdata") for value in values):
        rows = [np.asarray(value) for value in values]
        if len({row.shape for row in rows}) == 1:
            return np.stack(rows)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def mixed(values: list[Any]) -> pa.Array:
    """A column of values that may not all be of one type: then all become text."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeError):
        texts = [None if value is None else str(value) for value in values]
        clean = [t if t is None else t.encode("utf-8", "replace").decode() for t in texts]
        return pa.array(clean, pa.large_string())
