"""What is wrong with the records of a batch, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Floats
from foretaste.gate.form import Entry, Kind

SHOWN = 40  # characters of a value that are repeated in a reason
TOLD = 3  # breaches of one record that are named


class Breaches:
    """Row -> what is wrong with it; `lost` are rows of which something could not be kept."""

    def __init__(self) -> None:
        self.found: dict[int, list[str]] = {}
        self.lost: set[int] = set()

    def add(self, row: int, text: str, lost: bool = False) -> None:
        """Something is wrong with a row; lost: and what it said there is not in the batch."""
        self.found.setdefault(row, []).append(text)
        if lost:
            self.lost.add(row)

    def unreadable(self, row: int, text: str) -> None:
        """Nothing of a row could be read; what else is missing there goes without saying."""
        self.found[row] = _Only([text])
        self.lost.add(row)

    def column(self, rows: int) -> pa.Array:
        """(n,) strings, null where nothing is wrong."""
        if not self.found:
            return pa.nulls(rows, pa.large_string())
        told = [_told(self.found[row]) if row in self.found else None for row in range(rows)]
        return pa.array(told, pa.large_string())


@dataclass(frozen=True)
class Told:
    """A field of a batch: its values as they came."""

    name: str
    entry: Entry
    raw: Sequence[Any]


class _Only(list[str]):
    """A list that stays as it is."""

    def append(self, text: str) -> None:
        return None


def shown(value: object) -> str:
    r"""A value of unknown origin, short, and harmless in a log.

    >>> shown("a\nb"), shown("x" * 99)[-3:]
    ("'a\\nb'", '...')
    """
    try:
        text = repr(value[:SHOWN] if isinstance(value, str | bytes) else value)
    except (RecursionError, ValueError):  # nested too deep, or an integer of too many digits
        text = f"a {type(value).__name__}"
    whole = not isinstance(value, str | bytes) or len(value) <= SHOWN
    text = text.encode("ascii", "backslashreplace").decode()
    return text[: 2 * SHOWN] if whole and len(text) <= 2 * SHOWN else text[:SHOWN] + "..."


def check_numbers(
    table: Floats, names: Sequence[str], entries: Sequence[Entry], found: Breaches
) -> None:
    """Numbers that are missing or out of bounds.

    table: (d, n), a row a field
    """
    least = np.array([[-np.inf if e.least is None else e.least] for e in entries])
    most = np.array([[np.inf if e.most is None else e.most] for e in entries])
    required = np.array([[e.required] for e in entries])
    wrong = (table < least) | (table > most) | np.isinf(table) | (np.isnan(table) & required)
    if not wrong.any():
        return
    for at, row in zip(*(place.tolist() for place in np.nonzero(wrong)), strict=True):
        found.add(row, _out_of(names[at], float(table[at, row]), entries[at]))


def check_texts(name: str, values: pa.Array, entry: Entry, found: Breaches) -> None:
    """Texts and categories that are missing, too long, or none of those allowed."""
    if entry.required and values.null_count:
        for row in np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist():
            found.add(row, f"no field {name}")
    data = values.buffers()[2]
    if entry.longest is not None and data is not None and data.size > entry.longest:
        long = pc.greater(pc.utf8_length(values), entry.longest)
        for row in _rows(long):
            found.add(row, f"field {name}: longer than {entry.longest:,} characters")
    if entry.among is not None:
        strange = pc.invert(pc.is_in(values, pa.array((*entry.among, None), pa.large_string())))
        for row in _rows(strange):
            found.add(row, f"field {name}: {shown(values[row].as_py())} was never agreed on")


def check_role(told: Told, column: pa.Array, found: Breaches) -> None:
    """What a role read from one field says that the contract does not allow."""
    kind = told.entry.kind
    if kind in (Kind.TEXT, Kind.CATEGORY):
        check_texts(told.name, column, told.entry, found)
    elif kind is Kind.TIME:
        _check_times(told, column.to_numpy(zero_copy_only=False), found)
    elif kind is Kind.VECTOR and len(column):
        finite = np.isfinite(column.to_numpy_ndarray()).all(axis=1)
        for row in np.flatnonzero(~finite).tolist():
            found.add(row, f"field {told.name}: not all of it are finite numbers", lost=True)
    elif told.entry.required and kind is not Kind.NUMBER:
        for row in (row for row, value in enumerate(told.raw) if value is None):
            found.add(row, f"no field {told.name}")


def _check_times(told: Told, seconds: Floats, found: Breaches) -> None:
    check_numbers(seconds[None], [told.name], [told.entry], found)
    for row in np.flatnonzero(np.isnan(seconds)).tolist():
        value = told.raw[row]
        if value is not None:
            found.add(row, f"field {told.name}: {shown(value)} is no point in time", lost=True)


def deep(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested deeper than that.

    >>> deep([[1]], 2), deep([[1]], 1)
    (False, True)
    """
    level = [value]
    while level:
        if limit < 0:
            return True
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list | tuple):
                inner.extend(one)
        level = [one for one in inner if isinstance(one, dict | list | tuple)]
        limit -= 1
        if level and limit <= 0:
            return True
    return False


def _rows(mask: pa.Array) -> list[int]:
    filled = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return list(map(int, np.flatnonzero(filled)))


def _out_of(name: str, value: float, entry: Entry) -> str:
    if np.isnan(value):
        return f"no field {name}"
    if np.isinf(value):
        return f"field {name}: {value} is no finite number"
    if entry.least is not None and value < entry.least:
        return f"field {name}: {value:g} is below {entry.least:g}"
    return f"field {name}: {value:g} is above {entry.most:g}"


def _told(texts: Sequence[str]) -> str:
    rest = len(texts) - TOLD
    return "; ".join(texts[:TOLD]) + (f"; and {rest} more" if rest > 0 else "")
