"""Edits in the words of roles as changes of cells: the rows concerned are looked up once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from foretaste.contracts import Edits
from foretaste.data import Array
from foretaste.files.pieces import Cells
from foretaste.roles.cells import Writer
from foretaste.roles.columns import Values, listed, looks_missing
from foretaste.roles.shape import Shape

NAMES = ("label", "source", "user", "item")  # roles whose values are names met before
Wanted = Mapping[str, set[str]]  # column -> values of which a cell is looked for


def cells_of(
    rows: Any, shape: Shape, edits: Edits
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]], dict[str, bytes]]:
    """The changed cells of each row, the cells of each new row, image files by name."""
    cast = shape.cast
    wanted = _wanted(shape, edits)
    raw: dict[int, Cells] = {}
    known: dict[tuple[str, str], Any] = {}
    like: dict[str, Any] = {}
    named: Counter[str] = Counter()
    base = 0
    for piece in rows.pieces(cast.columns):
        raw.update(_raw(piece, base, edits))
        _learn(piece, shape, wanted, known)
        for column, values in piece.columns.items():
            if like.get(column) is None:
                like[column] = next((v for v in _some(values) if not looks_missing(v)), None)
        if edits.values("image"):
            named.update(_files(piece.columns.get(cast.roles["image"][0])))
        base += piece.found
    shared = frozenset(name for name, times in named.items() if times > 1)
    writer = Writer(cast, shape.beside, known, like, shared)
    changed = {index: writer.changed(raw[index], new) for index, new in edits.changed.items()}
    return changed, [writer.fresh(new) for new in edits.added], writer.files


def _wanted(shape: Shape, edits: Edits) -> dict[str, set[str]]:
    """Names that are to be written, by column."""
    cast = shape.cast
    wanted = {
        cast.roles[role][0]: {value for value in edits.values(role) if value is not None}
        for role in NAMES
        if cast.roles.get(role) and edits.values(role)
    }
    if cast.width:
        return wanted
    for record in edits.values("features"):
        for name, value in record.items():
            if name not in cast.numeric and value is not None:
                wanted.setdefault(name, set()).add(value)
    return wanted


def _raw(piece: Any, base: int, edits: Edits) -> Iterator[tuple[int, Cells]]:
    """The rows to be changed, as they stand."""
    at = [row for row, place in enumerate(piece.positions) if int(place) + base in edits.changed]
    if not at:
        return
    chosen = {name: _take(values, at) for name, values in piece.columns.items()}
    for order, row in enumerate(at):
        cells = {name: values[order] for name, values in chosen.items()}
        yield int(piece.positions[row]) + base, cells


def _take(values: Values, at: list[int]) -> list[Any]:
    if isinstance(values, pa.FixedShapeTensorArray):
        array: Array = values.to_numpy_ndarray()
        return [array[row] for row in at]
    if isinstance(values, pa.Array):
        return listed(values.take(pa.array(at)))
    return [values[row] for row in at]


def _some(values: Values, count: int = 1_000) -> list[Any]:
    return listed(values[:count])


def _learn(piece: Any, shape: Shape, wanted: Wanted, known: dict[tuple[str, str], Any]) -> None:
    """Remembers a cell for each name that is to be written elsewhere."""
    for column, names in wanted.items():
        left = {name for name in names if (column, name) not in known}
        if not left or column not in piece.columns or not len(piece.positions):
            continue
        values = piece.columns[column]
        for row, read in enumerate(shape.named(column, values)):
            if read in left:
                known[column, read] = _take(values, [row])[0]
                left.remove(read)
            if not left:
                break


def _files(values: Values) -> Iterator[str]:
    """The image files that a column names."""
    for value in listed(values) if values is not None else ():
        name = value.get("path") if isinstance(value, dict) else value
        inline = isinstance(value, dict) and value.get("bytes")
        if isinstance(name, str) and name and not inline:
            yield name
