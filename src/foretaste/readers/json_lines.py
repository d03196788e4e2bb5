"""JSON lines: one object a line, packed or not; also folders and globs of such files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from foretaste.contracts import Source
from foretaste.files import Limits, head, kind_of, lines_of, share, tree, unpacked_head
from foretaste.files.json_text import reason, retold, whole_object
from foretaste.files.line_set import LineSet, Records, Sheet, Text
from foretaste.files.lines import Lines, Writing
from foretaste.files.pieces import Cells
from foretaste.roles.source import open_rows

KINDS = (".jsonl", ".ndjson", ".jsonlines")
ROWS = 8_192
_SPACE = b" \t\r\n"


@dataclass(frozen=True)
class JsonLines:
    """Reads JSON lines.

    A row is a line that is not blank. Lines that are not one JSON object, not UTF-8 or too long
    are refused where they stand; a location is `file:line`, counted from 1.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = unpacked_head(head(path)).lstrip(b"\xef\xbb\xbf" + _SPACE)
        if not first:
            return 0.8 * share(path, KINDS) or 0.6 * (kind_of(path) in KINDS)
        line = first.split(b"\n")[0]
        looks = first.startswith(b"{") and _is_object(line)
        if kind_of(path) in KINDS:
            return 0.95
        return 0.92 if looks and first[len(line) :].strip(_SPACE)[:1] == b"{" else 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        named = tree(path, lambda name: kind_of(name) in KINDS)
        return open_rows("jsonl", LineSet(named, _Framing(), self.limits), roles)


class _Framing:
    def records(self, text: Text, limits: Limits) -> Iterator[Records]:
        long = 0
        for lines in lines_of(text.body, limits.row):
            if lines.long:
                if lines.first != long:
                    yield Records([lines.first], [], {0: f"longer than {limits.row:,} bytes"})
                long = lines.first
            else:
                for start in range(0, len(lines.raws), ROWS):
                    some = Lines(lines.raws[start : start + ROWS], lines.first + start)
                    yield _parsed(some, text.writing)

    def raw_records(self, text: Text, limits: Limits) -> Iterator[Records]:
        long, ahead, started = 0, b"", False
        for lines in lines_of(text.body, limits.row):
            if lines.long and lines.first == long:
                yield Records([], rest=lines.raws[0])
                continue
            long = lines.first if lines.long else 0
            rest, raws = (b"", lines.raws) if long else _with_blanks(lines.raws)
            if started or not raws:
                ahead += b"" if started else rest
                yield Records(range(len(raws)), raws=raws, rest=rest)
            else:
                yield Records(range(len(raws)), raws=[ahead + rest + raws[0], *raws[1:]])
                started = True

    def edited(self, raw: bytes, cells: Cells, sheet: Sheet) -> bytes:
        body = raw.strip(_SPACE)
        at = raw.index(body)
        return raw[:at] + retold(body, cells, sheet.writing) + raw[at + len(body) :]

    def fresh(self, like: bytes, cells: Cells, sheet: Sheet) -> bytes:
        end = b"\r\n" if like.rstrip(b" \t\n").endswith(b"\r") else b"\n"
        return retold(like.strip(_SPACE), cells, sheet.writing, fresh=True) + end


def _with_blanks(raws: list[bytes]) -> tuple[bytes, list[bytes]]:
    """The blank lines at the front, and the rows, each with the blank lines after it."""
    starts = [at for at, raw in enumerate(raws) if raw.strip(_SPACE)]
    if len(starts) == len(raws):
        return b"", raws
    ends = [*starts[1:], len(raws)]
    rows = [b"".join(raws[a:b]) for a, b in zip(starts, ends, strict=True)]
    return b"".join(raws[: starts[0] if starts else len(raws)]), rows


def _parsed(lines: Lines, writing: Writing) -> Records:
    numbers: list[int] = []
    values: list[Any] = []
    refused: dict[int, str] = {}
    for number, raw in enumerate(lines.raws, lines.first):
        text = raw.strip(_SPACE)
        if not text:
            continue
        try:
            values.append(whole_object(writing.text(text)))
        except (ValueError, RecursionError) as error:
            refused[len(numbers)] = reason(error)
        numbers.append(number)
    return Records(numbers, values, refused)


def _is_object(line: bytes) -> bool:
    try:
        return bool(whole_object(line.strip(_SPACE).decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return False
