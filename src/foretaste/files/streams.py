"""Bytes of a file in blocks, unpacked within limits; and back."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from foretaste.errors import UnsafeInput

BLOCK = 1 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_MEMBER = 31  # zlib's window bits for a gzip wrapper
_ZSTD_WINDOW = 1 << 27
_ZSTD_FEED = 1 << 10  # a zstd block of 4 bytes may unpack to 128 KiB: feed little at a time


@dataclass(frozen=True)
class Limits:
    """How far a packed file may expand, and how long one row may be."""

    expansion: float = 250.0  # bytes out for each byte in
    free: int = 64 << 20  # bytes out before the expansion counts
    unpacked: int = 1 << 40  # bytes out of one file
    row: int = 32 << 20  # bytes in one row
    columns: int = 100_000
    image: int = 64 << 20  # bytes of one image file


@dataclass
class Blocks:
    """The unpacked bytes of an open file, in equal blocks; a cut-off file ends early.

    After the last block, `cut` says why the file ended before its end ("" if it did not).
    """

    stream: Any
    name: str
    limits: Limits = field(default_factory=Limits)
    cut: str = ""

    def __iter__(self) -> Iterator[bytes]:
        held = bytearray()
        for some in self._unpacked():
            held += some
            while len(held) >= BLOCK:
                yield bytes(held[:BLOCK])
                del held[:BLOCK]
        if held:
            yield bytes(held)

    def _unpacked(self) -> Iterator[bytes]:
        taken = _Counter(self.stream)
        first = taken.read(BLOCK)
        given, unpack = 0, _unpacker(first)
        try:
            for some in unpack(first, taken):
                given += len(some)
                self._check(given, taken.count)
                yield some
        except (EOFError, zlib.error, zstandard.ZstdError, OSError) as error:
            self.cut = f"cut off or broken: {error}"

    def _check(self, given: int, taken: int) -> None:
        limits = self.limits
        if given > limits.unpacked:
            raise UnsafeInput(f"{self.name} unpacks to more than {limits.unpacked:,} bytes")
        if given > limits.free and given > limits.expansion * taken:
            raise UnsafeInput(
                f"{self.name} expands more than {limits.expansion:g} times, like a "
                "decompression bomb; if you trust it, unpack it yourself and scan that"
            )


def packing(first: bytes) -> str:
    """How a file that begins like this is packed: its suffix, or nothing.

    >>> packing(b"hello"), packing(GZIP + b"..")
    ('', '.gz')
    """
    if first.startswith(GZIP):
        return ".gz"
    return ".zst" if first.startswith(ZSTD) else ""


def unpacked_head(first: bytes, size: int = 1 << 16) -> bytes:
    """What the first bytes of a file unpack to, as far as they go."""
    kind = packing(first)
    try:
        if kind == ".gz":
            return zlib.decompressobj(_GZIP_MEMBER).decompress(first, size)
        if kind == ".zst":
            reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
            return bytes(reader.stream_reader(first).read(size))
    except (zlib.error, zstandard.ZstdError):
        return b""
    return first


@contextmanager
def pour(path: Path, kind: str) -> Iterator[Any]:
    """A new file for bytes, packed as `kind` says; the same bytes always give the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        if kind == ".gz":
            with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
                yield packed
        elif kind == ".zst":
            with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as packed:
                yield packed
        else:
            yield out


def sha256(stream: Any) -> str:
    """The SHA-256 of what is left in an open file.

    >>> import io
    >>> sha256(io.BytesIO(b""))[:8]
    'e3b0c442'
    """
    digest = hashlib.sha256()
    while some := stream.read(BLOCK):
        digest.update(some)
    return digest.hexdigest()


class _Counter:
    def __init__(self, stream: Any) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        some: bytes = self._stream.read(size)
        self.count += len(some)
        return some


def _unpacker(first: bytes) -> Any:
    return {".gz": _gunzip, ".zst": _unzstd, "": _plain}[packing(first)]


def _plain(first: bytes, taken: _Counter) -> Iterator[bytes]:
    while first:
        yield first
        first = taken.read(BLOCK)


def _gunzip(first: bytes, taken: _Counter) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP_MEMBER)
    while first:
        if member.eof:  # a file may hold several members, and zeros after the last
            first = first.lstrip(b"\0") or taken.read(BLOCK)
            if not first.strip(b"\0"):
                continue
            member = zlib.decompressobj(_GZIP_MEMBER)
        some = member.decompress(first, BLOCK)
        first = member.unused_data if member.eof else member.unconsumed_tail
        if some:
            yield some
        first = first or taken.read(BLOCK)
    if not member.eof:
        raise EOFError("the gzip stream ends before its end")


def _unzstd(first: bytes, taken: _Counter) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame, waiting = unpacker.decompressobj(), memoryview(first)
    while len(waiting):
        if frame.eof:
            frame = unpacker.decompressobj()
        some = frame.decompress(waiting[:_ZSTD_FEED])
        if some:
            yield some
        left = frame.unused_data if frame.eof else b""
        step = min(_ZSTD_FEED, len(waiting)) - len(left)
        waiting = waiting[step:] if len(waiting) > step else memoryview(taken.read(BLOCK))
    if not frame.eof:
        raise EOFError("the zstd stream ends before its end")
