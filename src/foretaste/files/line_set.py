"""A data set of text files, as rows and back: what JSON lines, CSV and JSON arrays share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foretaste.data import Mask, Refusal
from foretaste.errors import BadInput, UnreadableInput, UnsafeInput
from foretaste.files.lines import WINDOWS, Writing, prepared
from foretaste.files.pieces import Cells, Changes, Piece, numbered, only_refused
from foretaste.files.streams import Blocks, Limits, packing, pour
from foretaste.files.tree import Entry, Tree


@dataclass(frozen=True)
class Records:
    """Some rows of one text file.

    values:  what the readable ones say: a dict each, or with a header a list each
    refused: place in `lines` -> why it could not be read
    raws:    (only for writing) the bytes of each, ends of lines and blank lines included
    rest:    (only for writing) bytes that still belong to the row before the first
    lead, tail, glue: bytes before the first row, after the last and between rows, of which
             each file written gets a copy
    note:    what is odd about the file, but was read all the same
    """

    lines: Sequence[int]  # 1-based line each row begins on
    values: list[Any] = field(default_factory=list)
    refused: Mapping[int, str] = field(default_factory=dict)
    header: tuple[str, ...] | None = None
    raws: Sequence[bytes] = ()
    rest: bytes = b""
    lead: bytes = b""
    glue: bytes = b""
    tail: bytes = b""
    note: str = ""


@dataclass(frozen=True)
class Text:
    """One file, ready to be read: its name, how it is written, its bytes in blocks."""

    name: str
    writing: Writing
    body: Iterator[bytes]


@dataclass(frozen=True)
class Sheet:
    """What must be known of a file to write a row of it: its name, writing and header."""

    name: str
    writing: Writing
    header: tuple[str, ...] | None


Frame = Callable[[Text, Limits], Iterator[Records]]


class Framing(Protocol):
    """How a text format tells one row from the next."""

    def records(self, text: Text, limits: Limits) -> Iterator[Records]:
        """The rows, read."""

    def raw_records(self, text: Text, limits: Limits) -> Iterator[Records]:
        """The same rows, as bytes."""

    def edited(self, raw: bytes, cells: Cells, sheet: Sheet) -> bytes:
        """The row with other values in some columns."""

    def fresh(self, like: bytes, cells: Cells, sheet: Sheet) -> bytes:
        """A new row, written as another is."""


@dataclass(frozen=True)
class LineSet:
    """The rows of all files of a tree.

    What is odd but readable (an encoding that had to be guessed) is in `notes` after a walk.
    How a file is written is found out once: a part of it, written back, is read the same way.
    """

    tree: Tree
    framing: Framing
    limits: Limits = field(default_factory=Limits)
    notes: dict[str, None] = field(default_factory=dict)  # an ordered set
    writings: dict[str, Writing] = field(default_factory=dict)  # of each file, by its name

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[Piece]:
        """Every row found, file by file; only the named columns, or all."""
        for entry in self.tree.entries:
            walk = _Walk(self, entry)
            for _, records in walk.through(self.framing.records):
                if records.note:
                    self.notes[f"{entry.name}: {records.note}"] = None
                yield _piece(entry, records, names)
            if walk.writing.encoding == WINDOWS:
                self.notes[f"{entry.name}: not UTF-8; read as Windows-1252"] = None
            if walk.cut and self.tree.single:
                raise UnreadableInput(f"{entry.name}: {walk.cut}")
            if walk.cut:
                yield only_refused(entry.name, walk.cut)
        for link in self.tree.refused:
            yield only_refused(link.location, link.reason)

    def write(self, out: Path, chosen: Mask) -> None:
        """The chosen rows, byte for byte, in files of the same names under `out`."""
        index = 0
        for entry in self.tree.entries:
            walk = _Walk(self, entry)
            for copy in _copies(walk, out / entry.name):
                index = copy.rows(chosen, index)
            index += bool(walk.cut)  # a file cut off counts one more row, of no bytes

    def rewrite(self, out: Path, changes: Changes, added: Sequence[Cells]) -> None:
        """All rows, byte for byte but for those changed, and new ones at the end."""
        index = 0
        for entry in self.tree.entries:
            walk = _Walk(self, entry)
            last = entry is self.tree.entries[-1]
            for copy in _copies(walk, out / entry.name, added if last else ()):
                index = copy.edited(changes, index)
            if walk.torn or (walk.cut and last and added):
                raise BadInput(f"{entry.name}: {walk.cut}; mend it first, then change it")
            index += bool(walk.cut)


@dataclass
class _Walk:
    """One walk through the rows of one file; then, why it ended early, if it did."""

    rows: LineSet
    entry: Entry
    writing: Writing = field(default_factory=Writing)
    cut: str = ""
    torn: bool = False  # whether rows are lost

    def through(self, frame: Frame) -> Iterator[tuple[int, Records]]:
        """How many rows came before, and some more of them."""
        found = 0
        with self.rows.tree.open(self.entry) as stream:
            blocks = Blocks(stream, self.entry.name, self.rows.limits)
            try:
                known = self.rows.writings
                self.writing, body = prepared(blocks, known.get(self.entry.name))
                known[self.entry.name] = self.writing
                for records in frame(Text(self.entry.name, self.writing, body), self.rows.limits):
                    yield found, records
                    found += len(records.lines)
            except UnreadableInput as error:
                self.cut = str(error)
            except UnsafeInput as error:
                named = str(error).startswith(self.entry.name)
                lead = "" if named else f"{self.entry.name}: "
                raise UnsafeInput(f"{lead}{error}") from error
        self.torn = bool(blocks.cut or self.cut)
        self.cut = blocks.cut or self.cut or ("" if found else "no rows in it")


def _piece(entry: Entry, records: Records, names: Sequence[str] | None) -> Piece:
    lines = np.asarray(records.lines, np.int64)
    good = np.ones(len(lines), bool)
    good[list(records.refused)] = False
    positions = np.flatnonzero(good)
    refused = tuple(
        Refusal(place, f"{entry.name}:{lines[place]}", reason)
        for place, reason in records.refused.items()
    )
    locations = numbered(entry.name, lines[positions])
    return Piece(_columns(records, names), positions, locations, len(lines), refused)


def _columns(records: Records, names: Sequence[str] | None) -> dict[str, list[Any]]:
    if records.header is None:
        if names is None:
            names = list(dict.fromkeys(key for value in records.values for key in value))
        return {name: [value.get(name) for value in records.values] for name in names}
    columns = zip(*records.values, strict=True) if records.values else [()] * len(records.header)
    wanted = set(records.header if names is None else names)
    pairs = zip(records.header, columns, strict=True)
    return {name: list(column) for name, column in pairs if name in wanted}


def _copies(walk: _Walk, path: Path, added: Sequence[Cells] = ()) -> Iterator[_Copy]:
    """The rows of one file, some at a time, each to be copied or not; then those added."""
    with walk.rows.tree.open(walk.entry) as stream:
        kind = packing(stream.read(4))
    out: _Lazy | None = None
    try:
        for _, records in walk.through(walk.rows.framing.raw_records):
            out = out or _Lazy(path, kind, walk.writing)
            out.frame(records)
            copy = _Copy(records, out, walk)
            yield copy
        for cells in added if out is not None else ():
            copy.append(cells)
    finally:
        if out is not None:
            out.close()


@dataclass(frozen=True)
class _Copy:
    records: Records
    out: _Lazy
    walk: _Walk

    @property
    def sheet(self) -> Sheet:
        """What the file is written like."""
        return Sheet(self.walk.entry.name, self.walk.writing, self.records.header)

    def rows(self, chosen: Mask, index: int) -> int:
        """Copies those that are chosen; the index of the next row."""
        out = self.out
        if out.copied:
            out.write(self.records.rest)
        for raw in self.records.raws:
            out.copied = bool(chosen[index])
            index += 1
            if out.copied:
                out.row(raw)
        return index

    def append(self, cells: Cells) -> None:
        """A new row after the others."""
        self.out.row(self.walk.rows.framing.fresh(self.out.like, cells, self.sheet), apart=True)

    def edited(self, changes: Changes, index: int) -> int:
        """Copies all, some with other values; the index of the next row."""
        out = self.out
        if out.copied:
            out.write(self.records.rest)
        for raw in self.records.raws:
            cells = changes.get(index)
            index += 1
            out.copied, out.like = True, raw
            if cells is not None:
                raw = self.walk.rows.framing.edited(raw, cells, self.sheet)
            out.row(raw)
        return index


class _Lazy:
    """A file that comes into being with its first row."""

    def __init__(self, path: Path, kind: str, writing: Writing) -> None:
        self._pouring = pour(path, kind)
        self._writing = writing
        self._out: Any = None
        self._lead = self._glue = self._tail = b""
        self.copied = False  # whether the last row seen was
        self.like = b"\n"  # a row as it stood in the file
        self._ended = True  # whether the last line is

    def close(self) -> None:
        """Ends the file, if there is one."""
        if self._out is not None:
            self.write(self._tail)
            self._pouring.__exit__(None, None, None)

    def frame(self, records: Records) -> None:
        """Takes over what stands around the rows, as soon as it is known."""
        self._lead = self._lead or records.lead
        self._glue = self._glue or records.glue
        self._tail = self._tail or records.tail

    def row(self, raw: bytes, apart: bool = False) -> None:
        """The next row; apart: in a line of its own."""
        if self._out is None:
            self._out = self._pouring.__enter__()
            self._out.write(self._writing.lead)
            self.write(self._lead)
        else:
            self.write(self._glue or b"\n" * (apart and not self._ended))
        self.write(raw)

    def write(self, raw: bytes) -> None:
        self._out.write(self._writing.back(raw))
        self._ended = raw.endswith(b"\n") if raw else self._ended
