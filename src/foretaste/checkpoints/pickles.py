"""Every pickle in a file, wherever it stands: alone, compressed, in an archive, in an array."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from foretaste.checkpoints import archives, packed
from foretaste.checkpoints.bounded import Unreadable
from foretaste.checkpoints.formats import ZIPS, Format, format_of

ARRAY = b"\x93NUMPY"
NAMED = (".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth")  # loaders unpickle these
LARGEST = 512 << 20  # bytes of one entry of an archive
START = re.compile(rb"\x80[\x02-\x05]")
HEADER = 1 << 17  # bytes of an array's header, and more


@dataclass(frozen=True)
class Pickled:
    """A stream that is a pickle, or may be one.

    sure: it is, by its first bytes or because whoever loads it would take it for one
    """

    part: str
    stream: BinaryIO
    size: int
    sure: bool


def pickles(path: Path) -> Iterator[Pickled]:
    """What is a pickle in a file, and what may be one; raises `Unreadable` for what is broken."""
    kind = format_of(path)
    if kind in ZIPS:
        yield from _in_archive(path)
    elif kind is Format.PACKED:
        inner = packed.unpacked(path)
        yield from _in_stream("unpacked", inner, inner.seek(0, 2), _named(path.name))
    elif kind not in (Format.EMPTY, Format.SAFETENSORS, Format.GGUF, Format.HDF5):
        with path.open("rb") as stream:
            yield from _in_stream("file", stream, path.stat().st_size, _named(path.name))


@contextmanager
def rewound(one: Pickled) -> Iterator[BinaryIO]:
    """The stream from its beginning, and there again afterwards."""
    start = one.stream.tell()
    try:
        yield one.stream
    finally:
        one.stream.seek(start)


def _in_stream(part: str, stream: BinaryIO, size: int, named: bool) -> Iterator[Pickled]:
    stream.seek(0)
    head = stream.read(HEADER)
    if head.startswith(ARRAY):
        if (start := _objects_at(head)) is not None:
            stream.seek(start)
            yield Pickled(part, stream, size - start, True)
        return
    stream.seek(0)
    yield Pickled(part, stream, size, bool(START.match(head)) or named)


def _in_archive(path: Path) -> Iterator[Pickled]:
    with archives.opened(path) as archive:
        infos = archive.infolist()
        if len(infos) > archives.MOST_ENTRIES:
            raise Unreadable(f"{len(infos):,} entries are too many")
        for info in infos:
            if not info.is_dir():
                yield from _in_entry(archive, info)


def _in_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Pickled]:
    named = info.filename.endswith(NAMED)
    with archives.reading(archive, info) as stream:
        head = stream.read(HEADER)
    plausible = named or START.match(head) or head.startswith(ARRAY) or _printable(head)
    if not plausible or (head.startswith(ARRAY) and _objects_at(head) is None):
        return
    held = io.BytesIO(archives.content(archive, info, LARGEST))
    yield from _in_stream(info.filename, held, info.file_size, named)


def _printable(head: bytes) -> bool:
    """The first byte of a pickle without a header, such as `c`, `(` or `}`."""
    return head[:1] in (b"c", b"(", b"]", b"}", b"i")


def _objects_at(head: bytes) -> int | None:
    """Where the pickle of an array of objects begins; None for an array of numbers."""
    wide = head[6:7] != b"\x01"
    size = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    start = (12 if wide else 10) + size
    described = head[12 if wide else 10 : start]
    return start if re.search(rb"[|'\"]O\d*['\"]", described) else None


def _named(name: str) -> bool:
    return name.lower().endswith(NAMED)
