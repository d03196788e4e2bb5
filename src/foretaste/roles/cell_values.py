"""One value as a cell of a file would hold it: numbers, times and text in the cell's own type."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from foretaste.errors import BadInput

_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro-, milliseconds since 1970


def number_cell(value: float, like: Any, where: str) -> Any:
    """A number as that cell has one; a whole number stays whole.

    like: what stands in the column, to take the type from

    >>> number_cell(3.0, 7, "age"), number_cell(3.5, "7", "age"), number_cell(3.0, "7", "age")
    (3, '3.5', '3')
    """
    if math.isnan(value):
        return "" if isinstance(like, str) else None
    if isinstance(like, bool) and value in (0, 1):
        return bool(value)
    if isinstance(like, int):
        if not float(value).is_integer():
            raise BadInput(f"{where} holds whole numbers; {value} cannot be written there")
        return int(value)
    if isinstance(like, Decimal):
        return Decimal(repr(float(value)))
    if isinstance(like, str):
        return _written(value, like)
    return float(value)


def text_cell(value: str | None, like: Any, where: str) -> Any:
    """A text as that cell has one.

    >>> text_cell("12", 7, "user"), text_cell("true", False, "user"), text_cell(None, "a", "text")
    (12, True, '')
    """
    if value is None:
        return "" if isinstance(like, str) else None
    if like is None or isinstance(like, str):
        return value
    if isinstance(like, bytes):
        return value.encode()
    if isinstance(like, bool) and value in ("true", "false"):
        return value == "true"
    try:
        kind = type(like)
        if kind in (int, float):
            return kind(value)
    except ValueError:
        pass
    raise BadInput(f"{where} holds values such as {like!r}; {value!r} cannot be written there")


def time_cell(seconds: float, like: Any, where: str) -> Any:
    """A point in time as that cell has one: a date, ISO 8601 text, or an epoch of its unit.

    >>> time_cell(86400.0, "1970-01-01T00:00:00Z", "time"), time_cell(2e9, 1_500_000_000_000, "t")
    ('1970-01-02T00:00:00Z', 2000000000000)
    """
    if math.isnan(seconds):
        return "" if isinstance(like, str) else None
    if isinstance(like, date):
        return _instant(seconds, like)
    if isinstance(like, str) and not _is_number(like):
        return _iso(seconds, like, where)
    scale = next((unit for least, unit in _UNITS if abs(float(like or 0)) >= least), 1.0)
    return number_cell(seconds * scale, like if like is not None else 0.5, where)


def _instant(seconds: float, like: date) -> date:
    when = datetime.fromtimestamp(seconds, UTC)
    if not isinstance(like, datetime):
        return when.date()
    return when.astimezone(like.tzinfo) if like.tzinfo else when.replace(tzinfo=None)


def _iso(seconds: float, like: str, where: str) -> str:
    bare = like.strip()
    try:
        known = datetime.fromisoformat(bare)
    except ValueError:
        raise BadInput(f"{where} holds {like!r}, which is no time to go by") from None
    when = datetime.fromtimestamp(seconds, UTC)
    if len(bare) == 10 and when.time() == when.time().min:
        return when.date().isoformat()
    zoned = when.astimezone(known.tzinfo) if known.tzinfo else when.replace(tzinfo=None)
    text = zoned.isoformat(sep="T" if "T" in bare or len(bare) == 10 else " ")
    return text.removesuffix("+00:00") + "Z" if bare.endswith("Z") else text


def _written(value: float, like: str) -> str:
    """The shortest text that reads as this number; whole numbers as the cell has them."""
    if math.isfinite(value) and float(value).is_integer() and abs(value) < 1e15:
        return str(int(value)) if "." not in like else f"{int(value)}.0"
    return repr(float(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
