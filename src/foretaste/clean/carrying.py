"""Image files that the rows of a table name: they go where their rows go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from foretaste.data import Mask
from foretaste.errors import ForetasteError
from foretaste.roles import TableSource
from foretaste.roles.images import LARGEST


def carry_images(source: TableSource, kept: Path, gone: Path, away: Mask) -> None:
    """Copies each file named by a row beside the part that the row is in, or both."""
    files: Any = source.rows.tree
    for index, name in _named(source):
        target = (gone if away[index] else kept) / name
        if target.exists():
            continue
        try:
            content = files.read(name, LARGEST)
        except (ForetasteError, OSError):
            continue  # its row was refused for that, and will be again
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _named(source: TableSource) -> Iterator[tuple[int, str]]:
    """Index of each row that names a file, and the name."""
    column = source.roles.get("image")
    base = 0
    for piece in source.rows.pieces((column,)) if column else ():
        values = piece.columns.get(column, ())
        values = values.to_pylist() if isinstance(values, pa.Array) else values
        for place, value in zip(piece.positions.tolist(), values, strict=False):
            name = value.get("path") if isinstance(value, dict) else value
            inline = isinstance(value, dict) and value.get("bytes")
            if isinstance(name, str) and name and not inline:
                yield base + place, name
        base += piece.found
