"""Arrow record batches as rows read; what their schemas say about classes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.files.pieces import Piece, numbered


def of_batch(batch: pa.RecordBatch, name: str, before: int) -> Piece:
    """A record batch of a file in which `before` rows came earlier; rows count from 1."""
    rows = len(batch)
    numbers = np.arange(before + 1, before + rows + 1)
    columns = dict(zip(batch.schema.names, map(_storage, batch.columns), strict=True))
    return Piece(columns, np.arange(rows), numbered(name, numbers), rows)


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
