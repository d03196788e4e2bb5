"""The elements of a JSON array, or objects one after another, without reading the file whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from foretaste.errors import UnsafeInput
from foretaste.files.json_text import no_object, reason, scan
from foretaste.files.lines import Writing
from foretaste.files.streams import Limits

_SPACE = re.compile(r"[ \t\r\n,]*")
_MARKS = re.compile(r'\\.|["{}\[\]]', re.S)
_STRAY = re.compile(r"[ \t\r\n,\]}]*")
_BETWEEN = re.compile(r"\}\s*,\s*(?=\{)")
_WORTH_A_SEARCH, _TRIES = 1 << 16, 1_000
_FOREIGN = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as Python escapes them


@dataclass(frozen=True)
class Element:
    """One element, read or (with a reason) not."""

    line: int
    raw: bytes
    value: Any
    reason: str = ""


class Elements:
    """Walks over the elements of a file; after the walk `lead` and `tail` stand around them."""

    def __init__(self, body: Iterator[bytes], writing: Writing, limits: Limits) -> None:
        self._body, self._limits = body, limits
        self._name = writing.encoding
        self._decoder = codecs.getincrementaldecoder(self._name)("surrogateescape")
        self._text, self._at, self._line, self._over = "", 0, 1, False
        self.lead = self.tail = b""
        self.glue = b"\n"

    def __iter__(self) -> Iterator[Element]:
        self._enter()
        while (sign := self._next()) and not (sign == "]" and self._closed()):
            yield self._element()
        if self.lead:
            self._leave()

    def _next(self) -> str:
        """The next character that says something; nothing at the end."""
        while True:
            self._go(_SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _closed(self) -> bool:
        """Whether this bracket ends the array; after a broken element it may be a stray one."""
        while (found := _STRAY.match(self._text, self._at)) and found.end() == len(self._text):
            if not self._more():
                return True
        if found and self._text[found.end()] in "{[":
            self._go(found.end())
            return False
        return True

    def _enter(self) -> None:
        """Into the array: the file itself, or the first array of objects in an object."""
        first = self._next()
        if first == "{":
            self._look_inside()
        elif first == "[":
            self._begin(self._at + 1)

    def _begin(self, at: int) -> None:
        self.lead, self.glue, self.tail = self._bytes(self._text[:at]), b",\n", b"]"
        self._go(at)

    def _look_inside(self) -> None:
        """Goes on if the file is one object with an array of objects in it."""
        found = re.compile(r'\s*\{\s*"(?:[^"\\]|\\.){0,200}"\s*:\s*\[\s*\{').match(self._text)
        if found:
            self._begin(self._text.rindex("[", 0, found.end()) + 1)

    def _leave(self) -> None:
        """What stands after the array is kept, to be written back."""
        while self._more():
            self._check()
        rest = self._bytes(self._text[self._at :])
        self.tail = rest if rest.startswith(b"]") else b"]"

    def _element(self) -> Element:
        while True:
            try:
                value, end = scan(self._text, self._at)
                if end < len(self._text) or self._over or self._text[end - 1] in '}]"':
                    return self._taken(end, value, "")
            except (StopIteration, ValueError, RecursionError) as error:
                end = _end(self._text, self._at)
                if end:
                    return self._taken(end, None, _why(error))
            full = len(self._text) - self._at > self._limits.row
            if full or not self._more():
                return self._lost(full)

    def _taken(self, end: int, value: Any, why: str) -> Element:
        text, line = self._text[self._at : end], self._line
        self._go(end)
        if not why and _FOREIGN.search(text):
            why = "not UTF-8"
        if not why and type(value) is not dict:
            why = no_object(value)
        return Element(line, self._bytes(text), value, why)

    def _lost(self, full: bool) -> Element:
        """An element without end: up to where another object begins, or all that is left."""
        if len(self._text) - self._at > _WORTH_A_SEARCH:
            for found in islice(_BETWEEN.finditer(self._text, self._at), _TRIES):
                if _is_object(self._text, found.end()):
                    return self._taken(found.start() + 1, None, "broken JSON: it never ends")
        if full:
            self._check()
        return self._taken(len(self._text), None, "cut off: the element never ends")

    def _check(self) -> None:
        if len(self._text) - self._at > self._limits.row:
            raise UnsafeInput(f"line {self._line}: longer than {self._limits.row:,} bytes")

    def _go(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Reads on, at least as much as is left, so that long elements cost no square."""
        left = self._text[self._at :] if self.lead or self._at else self._text
        parts, wanted = [left], max(1, len(left))
        while wanted > 0 and not self._over:
            block = next(self._body, b"")
            self._over = not block
            parts.append(self._decoder.decode(block, self._over))
            wanted -= len(parts[-1])
        grown = len(parts) > 1 and any(parts[1:])
        self._text, self._at = "".join(parts), 0
        return grown

    def _bytes(self, text: str) -> bytes:
        return text.encode(self._name, "surrogateescape")


def _end(text: str, start: int) -> int:
    """Where a broken element ends, by its brackets and quotes; 0 if it does not."""
    depth, quoted = 0, False
    if text[start] not in '{["':
        found = re.compile(r"[,\]\n]").search(text, start)
        return max(found.start(), start + 1) if found else 0
    for mark in _MARKS.finditer(text, start):
        sign = mark.group()
        if sign == '"':
            quoted = not quoted
        elif not quoted and len(sign) == 1:
            depth += 1 if sign in "{[" else -1
        if depth <= 0 and not quoted and len(sign) == 1:
            return mark.end()
    return 0


def _is_object(text: str, at: int) -> bool:
    try:
        return type(scan(text, at)[0]) is dict
    except (StopIteration, ValueError, RecursionError):
        return False


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg}"  # its place counts from the start of the buffer
    return reason(error)
