"""Files of records, signed by whoever makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foretaste import readers
from foretaste.errors import BadInput, UnreadableInput
from foretaste.ledger.keys import SigningKey
from foretaste.origin.records import FIELD, signed

LONGEST = 1 << 24  # bytes of a record


def counted(path: Path) -> int:
    """How many records a file holds; 1 where no reader knows its records."""
    try:
        source: Any = readers.open(str(path))
    except BadInput:
        return 1
    rows = getattr(source, "rows", None)
    return 1 if rows is None else max(1, sum(piece.found for piece in rows.pieces()))


def counted_lines(path: Path) -> int:
    """How many records JSON lines hold."""
    return sum(1 for _ in _records(path))


def sign_lines(path: Path, out: Path, key: SigningKey, first: int, field: str = FIELD) -> None:
    """Signs each record of JSON lines, which are written anew, each in its line."""
    if out.exists():
        raise BadInput(f"{out} is there already; nothing is written over")
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("x", encoding="utf-8") as file:
        for sequence, row in enumerate(_records(path), first):
            said = signed(row, key, sequence, field=field)
            file.write(json.dumps(said, ensure_ascii=False) + "\n")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
                if line.strip():
                    yield _record(line, f"{path}:{number}")
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error}") from error


def _record(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{place}: broken JSON, which nobody shall sign: {error}") from error
    if not isinstance(row, dict):
        raise BadInput(f"{place}: a JSON {type(row).__name__}, where an object was wanted")
    return row
