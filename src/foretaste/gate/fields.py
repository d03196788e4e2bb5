"""Values as they came, of one field, in a form that nothing after them can trip over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from foretaste.data import Floats
from foretaste.gate.breaches import Breaches, deep, shown
from foretaste.gate.form import Kind
from foretaste.roles.columns import looks_missing

Values = Sequence[Any]
_NUMBERS = {int, float, bool, type(None)}
_NAMES = {str, int, float, bool, type(None)}


def numbers(columns: Sequence[Values], names: Sequence[str], found: Breaches) -> Floats:
    """(d, n) float64 of d fields; NaN where missing or no number.

    >>> numbers([[1, None], ["2.5", "x"]], ["a", "b"], Breaches()).tolist()
    [[1.0, nan], [2.5, nan]]
    """
    if all(set(map(type, values)) <= _NUMBERS for values in columns):
        try:
            return np.array(columns, np.float64).reshape(len(columns), -1)
        except OverflowError:  # an integer beyond all floats
            pass
    pairs = zip(columns, names, strict=True)
    return np.stack([_column(values, name, found) for values, name in pairs])


def _column(values: Values, name: str, found: Breaches) -> Floats:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        return values.astype(np.float64)
    try:
        if set(map(type, values)) <= {str}:
            return np.fromiter(map(float, values), np.float64, len(values))
        if set(map(type, values)) <= _NUMBERS:
            return np.array(values, np.float64)
    except (ValueError, OverflowError):
        pass
    column = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if not looks_missing(value):
            try:
                column[row] = _number(value)
            except (ValueError, OverflowError):
                found.add(row, f"field {name}: {shown(value)} is no number", lost=True)
    return column


def _number(value: Any) -> float:
    if isinstance(value, str):
        word = value.strip().lower()
        return float(word in ("true",)) if word in ("true", "false") else float(word)
    if isinstance(value, int | float | Decimal | np.number):
        return float(value)
    raise ValueError


def names(values: Values, name: str, found: Breaches) -> Values:
    """Of a category: text, or what is taken as text."""
    if set(map(type, values)) <= _NAMES:
        return values
    return _only(values, lambda v: isinstance(v, str | int | float | Decimal), name, found, "text")


def texts(values: Values, name: str, found: Breaches) -> Values:
    """Of a text: text."""
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return _only(values, lambda v: isinstance(v, str), name, found, "text")


def times(values: Values, name: str, found: Breaches) -> Values:
    """Of a time: whatever may be one."""
    kinds = (str, int, float, date, Decimal)
    return _only(values, lambda v: isinstance(v, kinds), name, found, "point in time")


def nested(limit: int) -> Callable[[Values, str, Breaches], Values]:
    """Of anything that may be nested: what is not nested deeper than that."""

    def cleaned(values: Values, name: str, found: Breaches) -> Values:
        if set(map(type, values)) <= _NAMES:
            return values
        limits = f"nested no deeper than {limit}"
        return _only(values, lambda value: not deep(value, limit), name, found, limits)

    return cleaned


def images(values: Values, name: str, found: Breaches) -> Values:
    """Of an image: its bytes, out of base64 where JSON had to hold it."""
    kept: list[Any] = []
    for row, value in enumerate(values):
        try:
            kept.append(base64.b64decode(value, validate=True) if _is_text(value) else value)
        except (binascii.Error, ValueError):
            found.add(row, f"field {name}: no image in base64", lost=True)
            kept.append(None)
    allowed = (bytes, dict)
    return _only(kept, lambda value: isinstance(value, allowed), name, found, "image")


def cleaning(kind: Kind, deepest: int) -> Callable[[Values, str, Breaches], Values]:
    """How the values of a field of that kind are cleaned; numbers are cleaned together."""
    plain = {Kind.CATEGORY: names, Kind.TEXT: texts, Kind.TIME: times, Kind.IMAGE: images}
    return plain.get(kind) or nested(deepest)


def _only(
    values: Values, fits: Callable[[Any], bool], name: str, found: Breaches, wanted: str
) -> Values:
    kept = list(values)
    for row, value in enumerate(kept):
        if value is not None and not fits(value):
            found.add(row, f"field {name}: {shown(value)} is no {wanted}", lost=True)
            kept[row] = None
    return kept


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
