"""Streams of records, some at a time: standard input as it comes, or a data set that is there."""

from __future__ import annotations

import csv
import os
import select
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO

from foretaste import readers
from foretaste.errors import BadInput
from foretaste.files import lines_of
from foretaste.files.dialect import titles
from foretaste.gate.form import Form
from foretaste.gate.records import Parsed, parse
from foretaste.roles.columns import listed

BLOCK, MUCH = 1 << 18, 1 << 20  # bytes read at once, and gathered while there are more
ROWS = 4_096  # records at a time
_BOM = b"\xef\xbb\xbf"


def fed(stream: BinaryIO, form: Form, format: str | None = None) -> Iterator[Parsed]:
    r"""Records of a stream as they come: JSON lines, or CSV with a header.

    format: "ndjson" or "csv"; None: by the first byte

    A line is a record: cells of CSV that go over several lines are read from files only, so that
    here a quote that is never closed costs one record.

    >>> from io import BytesIO
    >>> form = Form.of({"roles": {"text": ["t"]}, "fields": {"t": {"kind": "text"}}})
    >>> [row for part in fed(BytesIO(b'{"t": "a"}\n{"t": "b"}'), form) for row in part.rows]
    [{'t': 'a'}, {'t': 'b'}]
    >>> [row for part in fed(BytesIO(b't,u\na,b\n'), form) for row in part.rows]
    [{'t': 'a', 'u': 'b'}]
    """
    blocks = _blocks(stream)
    first = next(blocks, b"").removeprefix(_BOM)
    chosen = format or ("ndjson" if first.lstrip()[:1] in (b"{", b"") else "csv")
    if chosen not in ("ndjson", "csv"):
        raise BadInput(f"standard input is read as ndjson or csv, not as {format}")
    whole = _whole(chain([first], blocks), form.largest)
    yield from _json(whole, form) if chosen == "ndjson" else _table(whole)


def stored(path: str, form: Form, format: str | None = None) -> Iterator[Parsed]:
    """Records of a data set, in any format that a scan reads whose rows have named columns."""
    roles = {role: names[0] for role, names in form.roles.items() if len(names) == 1}
    source = readers.open(path, roles, format)
    rows = getattr(source, "rows", None)
    if rows is None:
        raise BadInput(f"{path}: {source.format} has no named columns, as records have")
    for piece in rows.pieces():
        yield _parsed(piece)


def _parsed(piece: Any) -> Parsed:
    """The rows of a piece in the order in which they stand, with those that cannot be read."""
    names = list(piece.columns)
    table = zip(*(listed(values) for values in piece.columns.values()), strict=True)
    values: Iterator[tuple[Any, ...]] = iter(table)
    refused = {refusal.index: refusal.reason for refusal in piece.refused}
    parsed = Parsed()
    for place in range(piece.found):
        if place in refused:
            parsed.refuse(refused[place], f"{place}: {refused[place]}".encode())
        else:
            parsed.rows.append(dict(zip(names, next(values), strict=True)))
    return parsed


def _json(whole: Iterable[Sequence[bytes | None]], form: Form) -> Iterator[Parsed]:
    for lines in whole:
        kept = [b"" if line is None else line for line in lines]
        parsed = parse(kept, form.largest)
        for _ in range(lines.count(None)):
            parsed.refuse(f"longer than {form.largest:,} bytes")
        if parsed.rows:
            yield parsed


def _table(whole: Iterable[Sequence[bytes | None]]) -> Iterator[Parsed]:
    """CSV: a row of other width than the header, or a bad quote, costs no other."""
    header: tuple[str, ...] = ()
    for lines in whole:
        rows = [row for row in map(_cells, lines) if row]
        if rows and not header:
            header, _ = titles(list(rows.pop(0)))
        parsed = Parsed()
        for row in rows:
            if isinstance(row, str):
                parsed.refuse(row, row.encode())
            elif len(row) != len(header):
                said = ",".join(row).encode("utf-8", "replace")
                parsed.refuse(f"{len(row)} cells, where {len(header)} were wanted", said)
            else:
                parsed.rows.append(dict(zip(header, row, strict=True)))
        if parsed.rows:
            yield parsed


def _cells(line: bytes | None) -> list[str] | str:
    """The cells of a line, or why there are none."""
    if line is None:
        return "longer than is allowed"
    try:
        text = line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return "not UTF-8"
    if '"' not in text:
        return text.split(",") if text else []
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        return f"broken CSV: {error}"


def _whole(blocks: Iterable[bytes], limit: int) -> Iterator[list[bytes | None]]:
    """Lines, about a block at a time; None for one that is too long."""
    long = 0
    for lines in lines_of(blocks, limit):
        if not lines.long:
            for start in range(0, len(lines.raws), ROWS):
                yield list(lines.raws[start : start + ROWS])
        elif lines.first != long:
            long = lines.first
            yield [None]


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """What there is, without waiting for more."""
    try:
        handle = stream.fileno()
    except OSError:  # not of the operating system
        while block := stream.read(BLOCK):
            yield block
        return
    gathered: list[bytes] = []
    while block := os.read(handle, BLOCK):
        gathered.append(block)
        more = bool(select.select([handle], [], [], 0)[0])
        if not more or sum(map(len, gathered)) >= MUCH:
            yield b"".join(gathered)
            gathered = []
    yield b"".join(gathered)
