"""Arrow record batches as rows read; what their schemas say about classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Refusal
from foretaste.files.pieces import Piece, numbered


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
