"""Zip archives that may be hostile: what is in them, how far they expand, how they lie."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from foretaste.checkpoints.bounded import Bomb, Unreadable, spelt

MOST_ENTRIES = 100_000
EXPANSION = 200  # bytes out for each byte in, beyond the first FREE bytes
FREE = 16 << 20  # bytes of one entry before its expansion counts
LARGEST = 1 << 40  # bytes of all entries
END = b"PK\x05\x06"
TAIL = 22 + (1 << 16)  # bytes at the end of a file among which a zip's directory ends
LOCAL = struct.Struct("<4s5H3I2H")  # the header before each entry
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError,
    EOFError, struct.error, UnicodeError,
)  # fmt: skip


@dataclass(frozen=True)
class Entries:
    """What an archive lists, and what is wrong with it."""

    infos: tuple[zipfile.ZipInfo, ...]
    faults: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive for reading; raises `Unreadable` for whatever is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except Unreadable:
        raise
    except BROKEN as error:
        raise Unreadable(f"the archive is broken: {error}") from error


def entries(path: Path) -> Entries:
    """The entries of an archive; raises `Unreadable` where it has no directory."""
    with opened(path) as archive:
        infos = tuple(archive.infolist())
        if len(infos) > MOST_ENTRIES:
            raise Unreadable(f"{len(infos):,} entries, at most {MOST_ENTRIES:,} are looked at")
    faults = [*_names(infos), *_sizes(infos), *_places(path, infos)]
    return Entries(infos, tuple(faults))


def bomb(info: zipfile.ZipInfo) -> bool:
    """Whether an entry expands like a decompression bomb."""
    return info.file_size > max(FREE, EXPANSION * info.compress_size)


def content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """An entry; raises `Unreadable` if it is longer than `most`, or than the archive says."""
    if bomb(info):
        raise Bomb(f"entry {info.filename[:80]!r} unpacks to {info.file_size:,} bytes")
    if info.file_size > most:
        raise Unreadable(f"entry {info.filename[:80]!r} is of {info.file_size:,} bytes")
    with reading(archive, info) as stream:
        found = stream.read(most + 1)
    if len(found) > most:
        raise Unreadable(f"entry {info.filename[:80]!r} is longer than it says")
    return found


@contextmanager
def reading(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """An entry for reading, whatever its checksum: loaders that check none would read it too."""
    with archive.open(info) as stream:
        stream._expected_crc = None  # type: ignore[attr-defined] # zipfile has no other way
        yield stream


def damaged(path: Path) -> tuple[str, ...]:
    """Names of the entries, of those that are not large, whose checksum is wrong."""
    found = []
    with opened(path) as archive:
        for info in archive.infolist():
            if info.file_size > FREE or info.flag_bits & 1:
                continue
            if zlib.crc32(content(archive, info, FREE)) != info.CRC:
                found.append(info.filename)
    return tuple(found)


def hidden(path: Path) -> bool:
    """Whether a file of another format ends as a zip archive does."""
    with path.open("rb") as stream:
        size = path.stat().st_size
        stream.seek(max(0, size - TAIL))
        tail = stream.read(TAIL)
    at = tail.rfind(END)
    return at >= 0 and zipfile.is_zipfile(path)


def stored_at(stream: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Where in the file the bytes of an uncompressed entry begin."""
    stream.seek(info.header_offset)
    header = LOCAL.unpack(stream.read(LOCAL.size))
    return info.header_offset + LOCAL.size + int(header[9]) + int(header[10])


def _names(infos: tuple[zipfile.ZipInfo, ...]) -> Iterator[str]:
    counted = Counter(one.filename for one in infos)
    if twice := [name for name, count in counted.items() if count > 1]:
        yield f"entries {spelt(twice)} are there more than once: which one is read differs"
    if leading := [one.filename for one in infos if _leads_out(one.filename)]:
        yield f"entries {spelt(leading)} lead out of the folder they would be unpacked in"
    if links := [one.filename for one in infos if (one.external_attr >> 28) == 0xA]:
        yield f"entries {spelt(links)} are links"
    if locked := [one.filename for one in infos if one.flag_bits & 1]:
        yield f"entries {spelt(locked)} are encrypted, so nobody can say what they hold"
    if strange := [one.filename for one in infos if one.compress_type not in PLAIN]:
        yield f"entries {spelt(strange)} are compressed in a way that no model format uses"


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in path.parts[0:1]


def _sizes(infos: tuple[zipfile.ZipInfo, ...]) -> Iterator[str]:
    if bombs := [one.filename for one in infos if bomb(one)]:
        yield f"entries {spelt(bombs)} expand more than {EXPANSION} times: a decompression bomb"
    if (total := sum(one.file_size for one in infos)) > LARGEST:
        yield f"all entries unpack to {total:,} bytes: a decompression bomb"


def _places(path: Path, infos: tuple[zipfile.ZipInfo, ...]) -> Iterator[str]:
    """Entries that share bytes, or of which the header says another name than the directory."""
    end, size = 0, path.stat().st_size
    overlapping, other = [], []
    with path.open("rb") as stream:
        for one in sorted(infos, key=lambda one: one.header_offset):
            if one.header_offset < end:
                overlapping.append(one.filename)
            named, start = _local(stream, one)
            if named != one.filename:
                other.append(one.filename)
            end = max(end, start + one.compress_size)
    if overlapping:
        yield f"entries {spelt(overlapping)} overlap others: a decompression bomb, or two faces"
    if other:
        yield f"entries {spelt(other)} have another name in front of their bytes"
    if end > size:
        yield f"cut off: {end - size:,} bytes are missing"


def _local(stream: BinaryIO, info: zipfile.ZipInfo) -> tuple[str, int]:
    """The name in front of an entry's bytes, and where they begin."""
    stream.seek(info.header_offset)
    raw = stream.read(LOCAL.size)
    if len(raw) < LOCAL.size or raw[:4] != b"PK\x03\x04":
        return "", info.header_offset
    header = LOCAL.unpack(raw)
    name = stream.read(int(header[9]))
    text = name.decode("utf-8" if int(header[2]) & 0x800 else "cp437", "replace")
    start = info.header_offset + LOCAL.size + int(header[9]) + int(header[10])
    return text.replace("\0", "").partition("\0")[0], start
