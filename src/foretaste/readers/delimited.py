"""CSV, TSV and their kin, with or without a header; also folders and globs of them."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from foretaste.contracts import Source
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files import Limits, head, kind_of, share, tree, unpacked_head
from foretaste.files.delimited_rows import edited, fresh
from foretaste.files.dialect import LOOK_AT, Dialect, sniffed, titles
from foretaste.files.json_text import reason
from foretaste.files.line_set import LineSet, Records, Sheet, Text
from foretaste.files.lines import Lines, Writing, lines_of
from foretaste.files.pieces import Cells
from foretaste.roles import open_rows

KINDS = (".csv", ".tsv", ".tab", ".psv", ".inter")
ROWS, CELLS, HEAP = 8_192, 1 << 20, 16 << 20  # cells and bytes in one batch at most
SPAN = 10_000  # lines that one quoted cell may go over


@dataclass(frozen=True)
class Delimited:
    """Reads delimited text; delimiter, quoting and header are found out from each file's start.

    A row is a record that is not blank, and may go over several lines where cells are quoted.
    Rows with too few or too many cells, or a quote that is never closed, are refused where they
    stand; a location is `file:line` of the line a row begins on, counted from 1. A file without
    header has the columns column_1, column_2 and so on.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = unpacked_head(head(path))
        if not first:
            return 0.8 * share(path, KINDS) or 0.6 * (kind_of(path) in KINDS)
        if kind_of(path) in KINDS:
            return 0.9
        return 0.4 if kind_of(path) in (".txt", ".data", ".dat", "") and _is_table(first) else 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        csv.field_size_limit(max(csv.field_size_limit(), self.limits.row))
        rows = LineSet(tree(path, lambda name: kind_of(name) in KINDS), _Framing(), self.limits)
        return open_rows("csv", rows, roles)


@dataclass(frozen=True)
class _Framing:
    dialects: dict[str, Dialect] = field(default_factory=dict)  # of each file, by its name

    def records(self, text: Text, limits: Limits) -> Iterator[Records]:
        yield from _File(text, limits, self.dialects).records(lines_of(text.body, limits.row))

    raw_records = records

    def edited(self, raw: bytes, cells: Cells, sheet: Sheet) -> bytes:
        return edited(self.dialects[sheet.name], raw, cells, sheet)

    def fresh(self, like: bytes, cells: Cells, sheet: Sheet) -> bytes:
        return fresh(self.dialects[sheet.name], like, cells, sheet)


@dataclass
class _File:
    """One file being read: between over-long lines, which are rows refused, its parts."""

    text: Text
    limits: Limits
    dialects: dict[str, Dialect]
    dialect: Dialect | None = None
    header: tuple[str, ...] = ()
    patience: int = 200_000  # lines that may be read again after a quote that is never closed

    def records(self, lines: Iterator[Lines]) -> Iterator[Records]:
        feed = _Feed(lines, self.text.writing, self.limits)
        while feed.more():
            if feed.long:
                yield from self._too_long(feed)
            else:
                yield from self._part(feed)

    def _too_long(self, feed: _Feed) -> Iterator[Records]:
        if self.dialect is None:
            raise UnsafeInput(f"the first line is longer than {self.limits.row:,} bytes")
        first, number = True, feed.number
        for raw in feed.fragments():
            reason = {0: f"longer than {self.limits.row:,} bytes"}
            if first:
                yield Records([number], [], reason, self.header, [raw])
            else:
                yield Records([], [], {}, self.header, rest=raw)
            first = False

    def _part(self, feed: _Feed) -> Iterator[Records]:
        """Rows up to the next over-long line or the end."""
        heap = _Heap(self.header)
        if self.dialect is None:
            heap = self._begin(feed)
        while feed.more() and not feed.long:
            for row in self._rows(feed):
                self._judge(row, feed, heap)
                if feed.broken:
                    break
                if heap.full:
                    yield heap.records()
                    heap = _Heap(self.header)
        yield heap.records()

    @property
    def _dialect(self) -> Dialect:
        return self.dialect or Dialect()

    def _rows(self, feed: _Feed) -> Iterator[list[str]]:
        try:
            yield from self._dialect.rows(feed)
        except csv.Error as error:
            feed.reason = str(error).split(" - ")[0]
            feed.broken = True
            yield ["?"]

    def _begin(self, feed: _Feed) -> _Heap:
        """Finds out the dialect and takes the header."""
        known = self.dialects.get(self.text.name)
        self.dialect = self.dialects[self.text.name] = known or sniffed(feed.ahead())
        feed.delimiter = self.dialect.delimiter.encode()
        first = next((row for row in self._rows(feed) if row), [])
        if "cells" in feed.reason:
            raise UnsafeInput(f"the first row has {feed.reason}")
        if feed.broken:
            raise UnreadableInput(f"the first row cannot be read: {feed.reason}")
        if self.dialect.header:
            self.header, twice = titles(first)
            note = f"columns of the same name: {', '.join(twice)}" if twice else ""
            return _Heap(self.header, b"".join(feed.take()[1]), note)
        self.header = tuple(f"column_{place}" for place in range(1, len(first) + 1))
        feed.back(feed.take()[1])
        return _Heap(self.header)

    def _judge(self, row: list[str], feed: _Feed, heap: _Heap) -> None:
        """Puts one row, read or refused, on the heap."""
        reason = feed.reason
        number, raws = feed.take()
        width = len(self.header)
        if not row:
            return heap.blank(raws)
        unclosed = feed.ended and self._dialect.unclosed(b"".join(raws).decode("utf-8", "replace"))
        if unclosed or (len(raws) > 1 and len(row) != width):
            run_on = "a quote that is never closed" if unclosed else "cells run over lines"
            reason = reason or run_on
            if self.patience > 0:
                self.patience -= len(raws)
                feed.back(raws[1:])
                raws = raws[:1]
        elif not reason and len(row) != width:
            reason = f"{len(row)} cells, where {width} were wanted"
        return heap.add(number, raws, row, reason)


class _Feed:
    """Hands lines to the csv module one at a time and remembers those of the current row."""

    def __init__(self, lines: Iterator[Lines], writing: Writing, limits: Limits) -> None:
        self._blocks, self._writing, self._limits = lines, writing, limits
        self._waiting: deque[bytes] = deque()
        self._taken: list[bytes] = []
        self._long: Lines | None = None
        self._size = 0
        self.number = 1  # of the first line of the current row
        self.delimiter = b""
        self.reason = ""  # why the current row must be refused
        self.ended = self.broken = False

    def __iter__(self) -> _Feed:
        self.ended = self.broken = False
        return self

    def __next__(self) -> str:
        if (not self._waiting and not self._fill()) or len(self._taken) >= SPAN:
            self.ended = True
            raise StopIteration
        raw = self._waiting.popleft()
        self._taken.append(raw)
        if len(raw) > self._limits.columns and raw.count(self.delimiter) > self._limits.columns:
            self.reason = f"more than {self._limits.columns:,} cells"
            return "?\n"
        try:
            return self._writing.text(raw)
        except UnicodeDecodeError as error:
            self.reason = reason(error)
            return raw.decode("utf-8", "replace")

    @property
    def long(self) -> bool:
        """Whether what comes next is a line that is too long."""
        return not self._waiting and self._long is not None

    def more(self) -> bool:
        """Whether anything is left."""
        return bool(self._waiting) or self._long is not None or self._fill() or self.long

    def ahead(self) -> list[str]:
        """The lines that are waiting, for a look."""
        return [raw.decode("utf-8", "replace") for raw in islice(self._waiting, LOOK_AT)]

    def take(self) -> tuple[int, list[bytes]]:
        """The number of the current row's first line, and its lines; a new row begins."""
        number, raws = self.number, self._taken
        self.number += len(raws)
        self._taken, self.reason = [], ""
        return number, raws

    def back(self, raws: list[bytes]) -> None:
        """Puts lines back, to be read again."""
        self._waiting.extendleft(reversed(raws))
        self.number -= len(raws)
        self.broken = bool(raws) or self.ended

    def fragments(self) -> Iterator[bytes]:
        """The parts of the line that is too long."""
        part, self._long = self._long, None
        while part is not None and part.long and part.first == self.number:
            yield part.raws[0]
            part = next(self._blocks, None)
        self.number += 1
        self._hold(part)

    def _fill(self) -> bool:
        if self._long is None:
            self._hold(next(self._blocks, None))
        return bool(self._waiting)

    def _hold(self, lines: Lines | None) -> None:
        if lines is not None and lines.long:
            self._long = lines
        elif lines is not None:
            self._waiting.extend(lines.raws)


class _Heap:
    """Rows put together for one batch."""

    def __init__(self, header: tuple[str, ...], lead: bytes = b"", note: str = "") -> None:
        self._header, self._lead, self._note = header, lead, note
        self._lines: list[int] = []
        self._values: list[list[str]] = []
        self._refused: dict[int, str] = {}
        self._raws = [b""]  # before the first row, then of each
        self._blank: list[bytes] = []
        self._room = min(ROWS, max(1, CELLS // max(1, len(header))))
        self._bytes = HEAP

    @property
    def full(self) -> bool:
        """Whether a batch is complete."""
        return len(self._lines) >= self._room or self._bytes < 0

    def add(self, number: int, raws: list[bytes], row: list[str], reason: str) -> None:
        """A row found."""
        if reason:
            self._refused[len(self._lines)] = reason
        else:
            self._values.append(row)
        if self._blank:
            self._settle()
        raw = raws[0] if len(raws) == 1 else b"".join(raws)
        self._lines.append(number)
        self._raws.append(raw)
        self._bytes -= len(raw)

    def blank(self, raws: list[bytes]) -> None:
        """Blank lines, which belong to the row before them."""
        self._blank += raws

    def _settle(self) -> None:
        self._raws[-1] += b"".join(self._blank)
        self._blank = []

    def records(self) -> Records:
        """The batch."""
        self._settle()
        rest, *raws = self._raws
        lead = self._lead + rest if self._lead else b""
        return Records(
            self._lines, self._values, self._refused, self._header, raws,
            b"" if lead else rest, lead, note=self._note,
        )  # fmt: skip


def _is_table(first: bytes) -> bool:
    if b"\0" in first:
        return False
    lines = first.decode("utf-8", "replace").splitlines()[:-1]
    return len(lines) > 1 and sniffed(lines).steady
