"""Which format a file has, by its first bytes and not by its name."""

from __future__ import annotations

import struct
import zipfile
from enum import StrEnum
from pathlib import Path

HEAD = 1 << 12
MOST_ENTRIES = 100_000  # of an archive, listed to tell what it is
SUFFIXES = {".py": "Python", ".pyc": "Python", ".pyw": "Python"}


class Format(StrEnum):
    """What a file is."""

    SAFETENSORS = "safetensors"
    TORCHSCRIPT = "TorchScript"
    TORCH = "torch zip"
    KERAS = "Keras zip"
    NPZ = "npz"
    ZIP = "zip"
    PICKLE = "pickle"
    PACKED = "compressed"
    NPY = "npy"
    ONNX = "ONNX"
    GGUF = "GGUF"
    HDF5 = "HDF5"
    JSON = "JSON"
    PYTHON = "Python"
    TEXT = "text"
    EMPTY = "empty"
    OTHER = "unknown"


ZIPS = (Format.TORCHSCRIPT, Format.TORCH, Format.KERAS, Format.NPZ, Format.ZIP)
MAGIC = {
    b"GGUF": Format.GGUF,
    b"\x89HDF\r\n\x1a\n": Format.HDF5,
    b"\x93NUMPY": Format.NPY,
    **{bytes([0x80, protocol]): Format.PICKLE for protocol in range(2, 6)},
    b"\x1f\x8b": Format.PACKED,  # gzip
    b"BZh": Format.PACKED,
    b"\xfd7zXZ\x00": Format.PACKED,
    b"\x28\xb5\x2f\xfd": Format.PACKED,  # zstd
    b"\x04\x22\x4d\x18": Format.PACKED,  # lz4
    **{b"\x78" + level: Format.PACKED for level in (b"\x01", b"\x5e", b"\x9c", b"\xda")},
}
STARTS = {b"{": Format.JSON, b"[": Format.JSON}


def format_of(path: Path) -> Format:
    """The format of a file; never raises for what a file holds.

    Old pickles (protocols 0 and 1) begin like text or like anything: they are `OTHER` or `TEXT`.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        size = path.stat().st_size
    if not head:
        return Format.EMPTY
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    if _safetensors(head, size):
        return Format.SAFETENSORS
    magic = next((kind for start, kind in MAGIC.items() if head.startswith(start)), None)
    return magic or _by_look(head, path)


def text_like(head: bytes) -> bool:
    """Whether bytes are text: no control characters but tabs and line ends.

    >>> text_like(b"plain text"), text_like(bytes([0x80, 4, 0x95]))
    (True, False)
    """
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < HEAD else "ignore")
    except UnicodeDecodeError:
        return False
    return not any(ord(c) < 32 and c not in "\t\n\r\f" for c in text)


def _by_look(head: bytes, path: Path) -> Format:
    if text_like(head):
        if path.suffix.lower() in SUFFIXES:
            return Format.PYTHON
        return STARTS.get(head.lstrip()[:1], Format.TEXT)
    if path.suffix.lower() in SUFFIXES:
        return Format.PYTHON
    return Format.ONNX if _onnx(head) else Format.OTHER


def _safetensors(head: bytes, size: int) -> bool:
    """Eight bytes of length and the beginning of an object; the length may be a lie."""
    return size >= 9 and head[8:9] == b"{" and not text_like(head[:8])


def _onnx(head: bytes) -> bool:
    """A protocol buffer that begins with the version of ONNX, as all writers of ONNX have it.

    >>> _onnx(bytes([0x08, 0x0A, 0x12, 0x07])), _onnx(b"")
    (True, False)
    """
    return len(head) > 3 and head[0] == 0x08 and head[1] < 0x40 and head[2] in (0x12, 0x3A, 0x42)


def _zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {one.filename for one in archive.infolist()[:MOST_ENTRIES]}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return Format.ZIP
    inner = {name.partition("/")[2] or name for name in names}
    if "data.pkl" in inner:
        return Format.TORCHSCRIPT if "constants.pkl" in inner else Format.TORCH
    if {"config.json", "metadata.json"} <= names:
        return Format.KERAS
    return Format.NPZ if names and all(n.endswith(".npy") for n in names) else Format.ZIP
