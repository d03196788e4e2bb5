"""A data set of text files, as rows and back: what JSON lines, CSV and JSON arrays share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foretaste.data import Mask, Refusal
from foretaste.errors import UnreadableInput
from foretaste.files.lines import WINDOWS, Writing, prepared
from foretaste.files.pieces import Piece, numbered, only_refused
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


class Framing(Protocol):
    """How a text format tells one row from the next."""

    def records(self, body: Iterator[bytes], writing: Writing, limits: Limits) -> Iterator[Records]:
        """The rows, read."""

    def raw_records(
        self, body: Iterator[bytes], writing: Writing, limits: Limits
    ) -> Iterator[Records]:
        """The same rows, as bytes."""


@dataclass(frozen=True)
class LineSet:
    """The rows of all files of a tree.

    What is odd but readable (an encoding that had to be guessed) is in `notes` after a walk.
    """

    tree: Tree
    framing: Framing
    limits: Limits = field(default_factory=Limits)
    notes: dict[str, None] = field(default_factory=dict)  # an ordered set

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[Piece]:
        """Every row found, file by file; only the named columns, or all."""
        for entry in self.tree.entries:
            found, cut = 0, ""
            with self.tree.open(entry) as stream:
                blocks = Blocks(stream, entry.name, self.limits)
                writing, body = prepared(blocks)
                for records in self.framing.records(body, writing, self.limits):
                    found += len(records.lines)
                    if records.note:
                        self.notes[f"{entry.name}: {records.note}"] = None
                    yield _piece(entry, records, names)
                cut = blocks.cut
            self._note(entry, writing)
            if cut or not found:
                yield self._nothing_more(entry, cut or "no rows in it")
        for link in self.tree.refused:
            yield only_refused(link.location, link.reason)

    def write(self, out: Path, chosen: Mask) -> None:
        """The chosen rows, byte for byte, in files of the same names under `out`."""
        index = 0
        for entry in self.tree.entries:
            index = _Copy(self, entry, out / entry.name).run(chosen, index)

    def _note(self, entry: Entry, writing: Writing) -> None:
        if writing.encoding == WINDOWS:
            self.notes[f"{entry.name}: not UTF-8; read as Windows-1252"] = None

    def _nothing_more(self, entry: Entry, reason: str) -> Piece:
        if self.tree.single:
            raise UnreadableInput(f"{entry.name}: {reason}")
        return only_refused(entry.name, reason)


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


@dataclass
class _Copy:
    """Copies the chosen rows of one file."""

    rows: LineSet
    entry: Entry
    path: Path

    def run(self, chosen: Mask, index: int) -> int:
        framing, tree = self.rows.framing, self.rows.tree
        with tree.open(self.entry) as stream:
            blocks = Blocks(stream, self.entry.name, self.rows.limits)
            writing, body = prepared(blocks)
            records = framing.raw_records(body, writing, self.rows.limits)
            first = index
            end = self._skip_or_copy(records, writing, chosen, index)
        # a cut-off or empty file counts one more row: it has no bytes of its own
        if not tree.single and (blocks.cut or end == first):
            return end + 1
        return end

    def _skip_or_copy(
        self, records: Iterator[Records], writing: Writing, chosen: Mask, index: int
    ) -> int:
        copied = False
        with _Lazy(self.path, self._kind(), writing) as out:
            for some in records:
                out.frame(some)
                if copied:
                    out.write(some.rest)
                for raw in some.raws:
                    copied = bool(chosen[index])
                    index += 1
                    if copied:
                        out.row(raw)
        return index

    def _kind(self) -> str:
        with self.rows.tree.open(self.entry) as stream:
            return packing(stream.read(4))


class _Lazy:
    """A file that comes into being with its first row."""

    def __init__(self, path: Path, kind: str, writing: Writing) -> None:
        self._pouring = pour(path, kind)
        self._writing = writing
        self._out: Any = None
        self._lead = self._glue = self._tail = b""

    def __enter__(self) -> _Lazy:
        return self

    def __exit__(self, *problem: Any) -> None:
        if self._out is not None:
            self.write(self._tail)
            self._pouring.__exit__(*problem)

    def frame(self, records: Records) -> None:
        """Takes over what stands around the rows, as soon as it is known."""
        self._lead = self._lead or records.lead
        self._glue = self._glue or records.glue
        self._tail = self._tail or records.tail

    def row(self, raw: bytes) -> None:
        if self._out is None:
            self._out = self._pouring.__enter__()
            self._out.write(self._writing.lead)
            self.write(self._lead)
        else:
            self.write(self._glue)
        self.write(raw)

    def write(self, raw: bytes) -> None:
        self._out.write(self._writing.back(raw))
