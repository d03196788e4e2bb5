"""Values as they come, in one shape for each role: strings, numbers, seconds, image bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Floats

Values = Any  # a sequence of Python values, or an Arrow array
NO_VALUE = frozenset(("", "?", "na", "n/a", "nan", "null", "none", "-"))
_EPOCHS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro-, milliseconds since 1970


def strings(values: Values) -> pa.Array:
    """Text; null where missing. Whole numbers have no point, so 1 and 1.0 are one label.

    >>> strings(["a", 1, 1.0, 2.5, True, None, float("nan"), [1]]).to_pylist()
    ['a', '1', '1', '2.5', 'true', None, None, '[1]']
    """
    if isinstance(values, pa.Array):
        return _arrow_strings(values)
    try:
        return pa.array(values, pa.large_string())
    except (pa.ArrowException, UnicodeError, OverflowError):
        return pa.array([_one(value) for value in values], pa.large_string())


def labels(values: Values, names: Sequence[str] = ()) -> pa.Array:
    """Class names; null where missing, be it by an empty cell or a code that has no name."""
    found = strings(values)
    if names:
        named = pa.array([*names], pa.large_string())
        codes = pc.index_in(found, pa.array([str(i) for i in range(len(names))], pa.large_string()))
        return named.take(codes)
    found = pc.utf8_trim_whitespace(found)
    return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.large_string()), found)


def floats(values: Values) -> Floats:
    """Numbers; NaN where missing or not a number.

    >>> floats(["1", " 2.5", "x", None, "inf", True, 3, "False"]).tolist()
    [1.0, 2.5, nan, nan, inf, 1.0, 3.0, 0.0]
    """
    if isinstance(values, pa.Array):
        values = _undictionaried(values)
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            wide = values.cast(pa.float64(), safe=False)
            return np.asarray(wide.to_numpy(zero_copy_only=False))
        values = listed(values)
    try:
        return np.fromiter(map(float, values), np.float64, len(values))
    except (ValueError, TypeError, OverflowError):
        return np.fromiter(map(_float, values), np.float64, len(values))


def vectors(values: Values, width: int) -> tuple[pa.Array, dict[int, str]]:
    """(n, width) float64 of a column of vectors, and why some rows are none.

    >>> vectors([[1, 2], [3]], 2)[1]
    {1: 'features: no vector of 2 numbers'}
    """
    if isinstance(values, pa.FixedShapeTensorArray):
        return values, {}
    table = np.full((len(values), width), np.nan)
    bad = {}
    for row, value in enumerate(listed(values)):
        try:
            table[row] = np.asarray(value, np.float64).reshape(width)
        except (ValueError, TypeError):
            bad[row] = f"features: no vector of {width} numbers"
    return pa.FixedShapeTensorArray.from_numpy_ndarray(table), bad


def seconds(values: Values) -> Floats:
    """Seconds since 1970 of dates, ISO 8601 strings and epochs of any usual unit.

    >>> seconds(["1970-01-02", "1970-01-01T00:00:01Z", 5, 1_500_000_000_000]).tolist()
    [86400.0, 1.0, 5.0, 1500000000.0]
    """
    if isinstance(values, pa.Array) and pa.types.is_temporal(values.type):
        return _since_1970(values)
    numbers = floats(values)
    for limit, unit in _EPOCHS:
        numbers = np.where(np.abs(numbers) >= limit, numbers / unit, numbers)
    missing = np.flatnonzero(np.isnan(numbers))
    if len(missing):
        some = listed(values)
        for row in missing:
            numbers[row] = _instant(some[row])
    return numbers


def listed(values: Values) -> list[Any]:
    """Python values; None for dates and the like that Python cannot hold."""
    if isinstance(values, pa.FixedShapeTensorArray):
        return list(values.to_numpy_ndarray()) if len(values) else []
    if not isinstance(values, pa.Array):
        return list(values)
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError):
        return [_held(value) for value in values]


def looks_missing(value: Any) -> bool:
    """Whether a cell says that there is nothing."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return isinstance(value, str) and value.strip().lower() in NO_VALUE


def _arrow_strings(values: pa.Array) -> pa.Array:
    values = _undictionaried(values)
    kind = values.type
    if pa.types.is_large_string(kind):
        return values
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values.cast(pa.large_string())
    if str(kind) == "string_view":
        return values.cast(pa.large_string())
    return pa.array([_one(value) for value in listed(values)], pa.large_string())


def _undictionaried(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return values.cast(values.type.value_type)
    return values


def _held(value: Any) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return None


def _since_1970(values: pa.Array) -> Floats:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"), safe=False)
    if not pa.types.is_timestamp(values.type):
        return np.full(len(values), np.nan)
    unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
    whole = values.cast(pa.int64()).cast(pa.float64(), safe=False)
    return np.asarray(whole.to_numpy(zero_copy_only=False)) / unit


def _one(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str):  # a lone surrogate cannot be written down
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
        return text.encode("utf-8", "replace").decode()
    return str(value)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return {"true": 1.0, "false": 0.0}.get(str(value).strip().lower(), float("nan"))


def _instant(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return float("nan")
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float("nan")
