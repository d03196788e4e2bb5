"""What a writer has promised: entries are written down here, and fsynced once, before all else.

A file of frames. The first holds the checkpoint of a log whose tiles are durable, each other one
the entries of one append and the root after it:

    FTJ1 · length of the body (8 bytes) · SHA-256 of the body · body · zeros up to 64 bytes

A frame is written after the one before it was made durable, so only the last can be torn, and one
that is torn was never acknowledged. Anything else that does not fit is damage, and is refused.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foretaste.durable import sync_folder, write_durably
from foretaste.errors import BadRecord
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.merkle import LENGTH
from foretaste.ledger.tiles import pack_entries, unpack_entries

_MAGIC = b"FTJ1"
_HEAD = struct.Struct(">4sQ32s")
_COUNT = 8  # bytes of the number of entries
_BLOCK = 64  # a head never lies across two sectors of a disk


@dataclass(frozen=True, slots=True)
class Appended:
    """The entries of one append, and the root after it."""

    root: bytes
    entries: Sequence[bytes]


class Journal:
    """The frames since the tiles were durable last.

    base:    the checkpoint whose tiles are durable
    appends: those found when the journal was opened
    length:  bytes of the whole frames

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "journal"
    >>> journal = Journal.begin(path, Checkpoint("example.com/log", 0, bytes(32)))
    >>> journal.add(Appended(bytes(32), [b"an entry"]))
    >>> Journal.open(path).appends[0].entries
    [b'an entry']
    """

    def __init__(self, path: Path, base: Checkpoint, length: int) -> None:
        self.path, self.base, self.length = path, base, length
        self.appends: list[Appended] = []
        self._handle = os.open(path, os.O_RDWR)

    @classmethod
    def begin(cls, path: Path, base: Checkpoint) -> Journal:
        """A new journal in place of any other, durably."""
        frame = _frame(base.text.encode())
        write_durably(path, frame)
        return cls(path, base, len(frame))

    @classmethod
    def open(cls, path: Path) -> Journal | None:
        """The journal as a crash may have left it; None where there is none.

        Raises `BadRecord` for damage that no crash does.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        first = _body(content, 0, path)
        if first is None:
            raise BadRecord(f"{path} does not begin with a checkpoint; restore it from a backup")
        appends, length = list[Appended](), _end(0, first)
        while (body := _body(content, length, path)) is not None:
            appends.append(_appended(body))
            length = _end(length, body)
        sync_folder(path.parent)  # whoever put it there may have died before that
        journal = cls(path, Checkpoint.read(first.decode("utf-8", "replace")), length)
        journal.appends = appends
        os.ftruncate(journal._handle, length)
        return journal

    def add(self, appended: Appended) -> None:
        """Writes an append down; when this returns, it outlives a power cut.

        Raises `OSError` where that failed, and leaves nothing of it where that can be done.
        """
        count = len(appended.entries).to_bytes(_COUNT)
        frame = _frame(appended.root + count + pack_entries(appended.entries))
        try:
            _write(self._handle, frame, self.length)
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.length)
            raise
        self.length += len(frame)

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


def _frame(body: bytes) -> bytes:
    head = _HEAD.pack(_MAGIC, len(body), hashlib.sha256(body).digest())
    return b"".join((head, body, bytes(-(len(head) + len(body)) % _BLOCK)))


def _end(start: int, body: bytes) -> int:
    """Where the frame of a body ends."""
    return start + -(-(_HEAD.size + len(body)) // _BLOCK) * _BLOCK


def _body(content: bytes, start: int, path: Path) -> bytes | None:
    """The body of the frame at `start`; None where there is none or it was torn."""
    head = content[start : start + _HEAD.size]
    if len(head) < _HEAD.size or not any(head):
        return None
    magic, length, digest = _HEAD.unpack(head)
    body = content[start + _HEAD.size : start + _HEAD.size + length]
    if magic == _MAGIC and hashlib.sha256(body).digest() == digest:
        return body
    if magic != _MAGIC or _end(start, body) < len(content):
        raise BadRecord(f"{path} is damaged at byte {start:,}, where no crash does that")
    return None


def _appended(body: bytes) -> Appended:
    root, rest = body[:LENGTH], body[LENGTH:]
    return Appended(root, unpack_entries(rest[_COUNT:], int.from_bytes(rest[:_COUNT])))


def _write(handle: int, content: bytes, at: int) -> None:
    """All of it; a full disk may take a part and fail at the next."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(handle, rest, at)
        rest, at = rest[written:], at + written
