"""Physical lines of a text file, whatever its encoding, none longer than a limit."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

UTF8, WINDOWS = "utf-8", "cp1252"


@dataclass(frozen=True)
class Writing:
    """How the text of a file is written.

    encoding: what to decode a line with; UTF-16 has become UTF-8 by then
    lead:     the byte order mark, to be written back
    wide:     the UTF-16 encoding of the file, or nothing
    """

    encoding: str = UTF8
    lead: bytes = b""
    wide: str = ""

    def back(self, raw: bytes) -> bytes:
        """The bytes of a line as they stood in the file."""
        if not self.wide:
            return raw
        return raw.decode(UTF8, "surrogatepass").encode(self.wide, "surrogatepass")

    def text(self, raw: bytes) -> str:
        """A line as text; raises UnicodeDecodeError."""
        if self.encoding == UTF8:
            return raw.decode()
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    def raw(self, text: str) -> bytes:
        """A text as the bytes of a line; raises UnicodeEncodeError."""
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            if self.encoding == UTF8 or max(map(ord, text)) > 255:
                raise error
            return text.encode("latin-1")


@dataclass(frozen=True)
class Lines:
    """Some whole lines with their ends; or, `long`, a part of one line that is too long."""

    raws: list[bytes]
    first: int  # 1-based number of the first line
    long: bool = False


def writing_of(first: bytes) -> Writing:
    """How the text that begins with this block is written.

    Bytes that are not UTF-8 are taken for Windows-1252 only where most lines with foreign
    letters are not UTF-8; else such lines are broken.

    >>> writing_of("naïve".encode("cp1252")).encoding, writing_of("naïve".encode()).encoding
    ('cp1252', 'utf-8')
    """
    if first.startswith(codecs.BOM_UTF8):
        return Writing(lead=codecs.BOM_UTF8)
    for lead, wide in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if first.startswith(lead):
            return Writing(UTF8, lead, wide)
    foreign = [line for line in first.split(b"\n") if not line.isascii()]
    broken = sum(not _is_utf8(line) for line in foreign)
    return Writing(WINDOWS if 2 * broken > len(foreign) else UTF8)


def prepared(
    blocks: Iterable[bytes], known: Writing | None = None
) -> tuple[Writing, Iterator[bytes]]:
    """How a file is written, and its blocks without byte order mark, UTF-16 made UTF-8.

    known: how it was written when it was read before, so that a part of it is read the same
    """
    rest = iter(blocks)
    first = next(rest, b"")
    writing = known or writing_of(first)
    if not first.startswith(writing.lead):
        writing = writing_of(first)
    body = chain([first[len(writing.lead) :]], rest)
    return writing, _narrowed(body, writing.wide) if writing.wide else body


def lines_of(blocks: Iterable[bytes], limit: int) -> Iterator[Lines]:
    """The lines, about a block at a time; their bytes are those of the file, in order."""
    held: list[bytes] = []
    number, size, long = 1, 0, False
    for block in blocks:
        *whole, rest = block.split(b"\n")
        if whole:
            whole = [raw + b"\n" for raw in whole]
            whole[0] = b"".join([*held, whole[0]])
            if long:
                yield Lines([whole.pop(0)], number, long=True)
                number += 1
            if whole:
                yield Lines(whole, number)
            number, held, size, long = number + len(whole), [], 0, False
        held.append(rest)
        size += len(rest)
        if size > limit or (long and size):
            yield Lines([b"".join(held)], number, long=True)
            held, size, long = [], 0, True
    if size:
        yield Lines([b"".join(held)], number, long)


def _narrowed(blocks: Iterable[bytes], wide: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(wide)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode(UTF8, "surrogatepass")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
