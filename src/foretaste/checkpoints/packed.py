"""Compressed files, unpacked into memory as far as is safe."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from foretaste.checkpoints.bounded import Bomb, Unreadable

LARGEST = 512 << 20  # bytes unpacked
EXPANSION, FREE = 200, 16 << 20  # bytes out for each byte in, once more than FREE came out
BLOCK = 1 << 16
GZIP_OR_ZLIB = 47  # window bits with which zlib tells the two apart
MEMORY = 256 << 20  # bytes that lzma may take
_BROKEN = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)


def unpacked(path: Path) -> BinaryIO:
    """What a compressed file holds; raises `Unreadable` for a bomb and what is broken."""
    found, taken = io.BytesIO(), 0
    try:
        with path.open("rb") as stream:
            unpack, spent = _unpacker(stream.read(6))
            stream.seek(0)
            while not spent() and (some := stream.read(BLOCK)):
                taken += len(some)
                found.write(unpack(some))
                _check(found.tell(), taken)
    except Unreadable:
        raise
    except _BROKEN as error:
        raise Unreadable(f"it is compressed and broken: {error}") from error
    found.seek(0)
    return found


def _check(given: int, taken: int) -> None:
    if given > LARGEST or given > max(FREE, EXPANSION * taken):
        raise Bomb(f"{taken:,} bytes unpack to more than {given:,}: a decompression bomb")


def _unpacker(first: bytes) -> tuple[Callable[[bytes], bytes], Callable[[], bool]]:
    """One that unpacks piece by piece, and what says that it has come to its end."""
    if first.startswith(b"BZh"):
        return _bounded(bz2.BZ2Decompressor())
    if first.startswith(b"\xfd7zXZ"):
        return _bounded(lzma.LZMADecompressor(memlimit=MEMORY))
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        zstd = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        return lambda some: bytes(zstd.decompress(some)), lambda: bool(zstd.eof)
    if first.startswith(b"\x04\x22\x4d\x18"):
        raise Unreadable("it is compressed with lz4, which is not unpacked here")
    inflate = zlib.decompressobj(GZIP_OR_ZLIB)

    def more(some: bytes) -> bytes:
        given = inflate.decompress(some, LARGEST // 4)
        if inflate.unconsumed_tail:
            raise Bomb("a few bytes unpack to more than may be: a decompression bomb")
        return given

    return more, lambda: inflate.eof


def _bounded(unpacker: Any) -> tuple[Callable[[bytes], bytes], Callable[[], bool]]:
    def more(some: bytes) -> bytes:
        given: bytes = unpacker.decompress(some, LARGEST // 4)
        if not unpacker.eof and not unpacker.needs_input:
            raise Bomb("a few bytes unpack to more than may be: a decompression bomb")
        return given

    return more, lambda: bool(unpacker.eof)
