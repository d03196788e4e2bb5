"""The tensors of an HDF5 file, alone or within a Keras archive; no link is followed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from foretaste.checkpoints import archives
from foretaste.checkpoints.bounded import Bomb, Unreadable, Untold
from foretaste.checkpoints.tensors import NUMPY, Cut, Weight, widened
from foretaste.data import Array
from foretaste.errors import MissingExtra

MOST = 100_000  # groups and tensors
LARGEST = 1 << 30  # bytes that are unpacked
CHUNK = 1 << 28  # bytes that are unpacked at once
FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})  # that come with the library: others are plugins
WEIGHTS = "model.weights.h5"
BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, UnicodeError)


@dataclass(frozen=True)
class Held:
    """Numbers of one tensor of an HDF5 file, which is opened anew for each walk."""

    path: Path
    inner: str
    dtype: str
    rows: int
    width: int

    def read(self, cuts: Sequence[Cut]) -> Iterator[Array]:
        with opened(self.path) as file:
            tensor = file[self.inner]
            for first, last in cuts:
                if self.rows > 1:
                    found = tensor[first // self.width : last // self.width]
                else:
                    found = tensor[()]
                yield widened(np.asarray(found).ravel(), self.dtype)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file, or that of the weights in a Keras archive; raises `Unreadable`."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtra("an HDF5 file", "checkpoints") from error
    try:
        with _bytes_of(path) as stream, h5py.File(stream, "r") as file:
            yield file
    except Unreadable:
        raise
    except BROKEN as error:
        raise Unreadable(f"it is broken: {error}") from error


def tensors(path: Path) -> list[Weight]:
    """Every tensor; raises `Unreadable` for links to other files and what is larger than it is."""
    with opened(path) as file:
        return [_weight(path, one, file.id) for one in _walked(file)]


def _walked(file: Any) -> Iterator[Any]:
    """All tensors that hard links lead to, each once.

    Soft links are passed over: what they lead to within the file has a hard link too.
    """
    import h5py

    waiting, seen = [file], set()
    while waiting:
        for one in _within(waiting.pop()):
            at = h5py.h5o.get_info(one.id).addr
            if at in seen:
                continue
            seen.add(at)
            if len(seen) > MOST:
                raise Unreadable(f"more than {MOST:,} groups and tensors")
            if isinstance(one, h5py.Group):
                waiting.append(one)
            elif isinstance(one, h5py.Dataset) and one.shape is not None:
                yield one


def _within(group: Any) -> Iterator[Any]:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise Unreadable(f"{name[:80]!r} links to another file: not followed")
        if isinstance(link, h5py.HardLink):
            yield group[name]


def _weight(path: Path, one: Any, file: Any) -> Weight:
    name, shape = str(one.name).lstrip("/"), tuple(int(side) for side in one.shape)
    if one.external or one.is_virtual:
        raise Unreadable(f"the numbers of {name[:80]!r} stand in another file: not read")
    dtype = _dtype(one)
    weight = Weight(name, dtype, shape)
    if dtype == "other" or not _plain(one):
        return Weight(name, "other", shape)
    bytes_in, bytes_out = one.id.get_storage_size(), weight.size * one.dtype.itemsize
    if bytes_in > file.get_filesize():
        raise Unreadable(f"tensor {name[:80]!r} is said to be larger than the file")
    if bytes_out > max(archives.FREE, archives.EXPANSION * bytes_in):
        raise Bomb(f"tensor {name[:80]!r} of {bytes_in:,} bytes unpacks to {bytes_out:,}")
    rows = weight.rows
    return Weight(name, dtype, shape, Held(path, one.name, dtype, rows, weight.size // (rows or 1)))


def _dtype(one: Any) -> str:
    try:
        return NUMPY.get(one.dtype.newbyteorder("<"), "other")
    except (TypeError, ValueError):
        return "other"


def _plain(one: Any) -> bool:
    """Whether only the library itself unpacks it, and little at once."""
    made = one.id.get_create_plist()
    filters = {made.get_filter(at)[0] for at in range(made.get_nfilters())}
    chunk = np.prod(one.chunks or (1,), dtype=np.float64) * one.dtype.itemsize
    return filters <= FILTERS and chunk <= CHUNK


@contextmanager
def _bytes_of(path: Path) -> Iterator[BinaryIO]:
    """The bytes of the file, or of the entry of the archive, without a copy where that can be."""
    with path.open("rb") as stream:
        if stream.read(4) != b"PK\x03\x04":
            stream.seek(0)
            yield stream
            return
        with archives.opened(path) as archive:
            info = next((one for one in archive.infolist() if one.filename == WEIGHTS), None)
            if info is None:
                raise Untold(f"there is no {WEIGHTS} in it")
            if info.compress_type != zipfile.ZIP_STORED:
                yield io.BytesIO(archives.content(archive, info, LARGEST))
                return
            start = archives.stored_at(stream, info)
        yield io.BufferedReader(Window(stream, start, info.file_size))


class Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        self._stream, self._start, self._size, self._at = stream, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes to a place in the part."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Reads as far as the part goes."""
        view = memoryview(buffer).cast("B")
        most = max(0, min(len(view), self._size - self._at))
        self._stream.seek(self._start + self._at)
        found = self._stream.read(most)
        view[: len(found)] = found
        self._at += len(found)
        return len(found)
