"""Arrow record batches as rows read; what their schemas say about classes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Refusal
from foretaste.errors import BadInput
from foretaste.files.pieces import Cells, Piece, numbered


def of_batch(batch: pa.RecordBatch, name: str, before: int) -> Piece:
    """A record batch of a file in which `before` rows came earlier; rows count from 1.

    Rows with text that is not UTF-8 are refused.
    """
    rows = len(batch)
    numbers = np.arange(before + 1, before + rows + 1)
    columns = dict(zip(batch.schema.names, map(_storage, batch.columns), strict=True))
    bad = {row: why for title, column in columns.items() for row, why in _broken(title, column)}
    good = np.setdiff1d(np.arange(rows), list(bad)) if bad else np.arange(rows)
    if bad:
        columns = {title: column.take(pa.array(good)) for title, column in columns.items()}
    refused = [Refusal(row, f"{name}:{numbers[row]}", bad[row]) for row in sorted(bad)]
    return Piece(columns, good, numbered(name, numbers[good]), rows, tuple(refused))


def with_cells(batch: pa.RecordBatch, changes: Mapping[int, Cells]) -> pa.RecordBatch:
    """The batch with other values in some cells; all types stay.

    changes: row of the batch -> column -> value
    """
    columns = list(batch.columns)
    for at, name in enumerate(batch.schema.names):
        rows = [row for row, cells in changes.items() if name in cells]
        if rows:
            values = [changes[row][name] for row in rows]
            columns[at] = _replaced(columns[at], rows, values, name)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def fresh_rows(schema: pa.Schema, added: Sequence[Cells]) -> pa.RecordBatch:
    """New rows of a schema; columns that are not said are null."""
    columns = []
    for field in schema:
        values = [cells.get(field.name) for cells in added]
        if not field.nullable and any(value is None for value in values):
            raise BadInput(f"column {field.name!r} may not be empty, so no row can be added")
        columns.append(_built(values, field.type, field.name))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _replaced(column: pa.Array, rows: Sequence[int], values: Sequence[Any], name: str) -> pa.Array:
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        stored = _replaced(column.storage, rows, _flat(kind, values), name)
        return pa.ExtensionArray.from_storage(kind, stored)
    at = np.arange(len(column))
    at[rows] = len(column) + np.arange(len(rows))
    try:
        return pa.concat_arrays([column, _built(values, kind, name)]).take(pa.array(at))
    except pa.ArrowException as error:
        raise BadInput(f"column {name!r} of type {kind} cannot be changed: {error}") from error


def _built(values: Sequence[Any], kind: pa.DataType, name: str) -> pa.Array:
    try:
        if isinstance(kind, pa.BaseExtensionType):
            stored = _built(_flat(kind, values), kind.storage_type, name)
            return pa.ExtensionArray.from_storage(kind, stored)
        if pa.types.is_dictionary(kind):
            return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        some = " ".join(repr(values[0]).split())[:60]
        raise BadInput(f"column {name!r} of type {kind} cannot hold {some}: {error}") from error


def _flat(kind: pa.DataType, values: Sequence[Any]) -> Sequence[Any]:
    """Tensors as Arrow stores them: all numbers of a row in a list."""
    if not isinstance(kind, pa.FixedShapeTensorType):
        return values
    return [None if value is None else np.asarray(value).ravel().tolist() for value in values]


def is_only_text(error: Exception) -> bool:
    """Whether Arrow's complaint is about letters, not about structure."""
    return "UTF8" in str(error)


def _broken(title: str, column: pa.Array) -> Iterator[tuple[int, str]]:
    """The rows of a column that hold text which is not UTF-8."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if not is_only_text(error):
            raise
        for row in range(len(column)):
            try:
                column[row].as_py()
            except UnicodeDecodeError:
                yield row, f"not UTF-8 in column {title!r}"


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column -> class names, where Hugging Face's metadata has a `ClassLabel`.

    >>> class_names(pa.schema([]))
    {}
    """
    stored = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(stored)["info"]["features"]
        return {name: list(kind["names"]) for name, kind in features.items() if _is_classes(kind)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_classes(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("_type") == "ClassLabel" and "names" in kind


def _storage(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.ExtensionArray) and not isinstance(column, pa.FixedShapeTensorArray):
        return column.storage
    return column
