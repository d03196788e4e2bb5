"""Arrays in files, a few rows at a time: headers judged before anything is allocated."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretaste.data import Array
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files.streams import Blocks

NPY = b"\x93NUMPY"
LONGEST_HEADER = 1 << 16
LARGEST_ROW = 64 << 20  # bytes
LARGEST_WHOLE = 1 << 31  # bytes of an array that cannot be read row by row
Opened = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Patch:
    """What is to be other in an array.

    dtype: of all rows then: strings may have to be longer
    """

    changed: Mapping[int, Array] = field(default_factory=dict)
    added: Sequence[Array] = ()
    dtype: np.dtype[Any] | None = None


@dataclass(frozen=True)
class Stored:
    """An array in a file; its first axis is the row.

    name:   what locations show
    opened: gives a stream that stands at the first byte of the data
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    opened: Opened
    fortran: bool = False

    @property
    def rows(self) -> int:
        """How many rows the header promises."""
        return self.shape[0] if self.shape else 0

    @property
    def row_bytes(self) -> int:
        """Bytes a row takes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def checked(self) -> Stored:
        """Itself, if its rows can be read within the limits."""
        if self.dtype.hasobject:
            raise UnsafeInput(
                f"{self.name} holds pickled Python objects, which can run code when loaded; "
                "save it again as plain numbers or strings"
            )
        if self.dtype.fields:
            raise UnreadableInput(f"{self.name} is a table (structured dtype); save it as CSV")
        if self.row_bytes > LARGEST_ROW:
            raise UnsafeInput(f"{self.name}: a row of {self.row_bytes:,} bytes is not read")
        if self.rows and not self.row_bytes:
            raise UnreadableInput(f"{self.name} has {self.rows:,} rows of no bytes")
        if self.fortran and len(self.shape) > 1 and self.rows * self.row_bytes > LARGEST_WHOLE:
            raise UnsafeInput(f"{self.name} lies column by column; save np.ascontiguousarray of it")
        return self

    def walk(self, step: int) -> Iterator[Array]:
        """The rows in order, `step` at a time."""
        stored = self.checked()
        with stored.opened() as stream:
            if self.fortran and len(self.shape) > 1:
                data = exactly(stream, self.rows * self.row_bytes, self.name)
                whole = np.frombuffer(data, self.dtype).reshape(self.shape, order="F")
                for start in range(0, self.rows, step):
                    yield np.ascontiguousarray(whole[start : start + step])
                return
            for start in range(0, self.rows, step):
                count = min(step, self.rows - start)
                data = exactly(stream, count * self.row_bytes, f"{self.name}, row {start}")
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def patched(self, patch: Patch, step: int) -> Iterator[Array]:
        """The rows in order, some of them changed, then the new ones."""
        start = 0
        for some in self.walk(step):
            rows = some.astype(patch.dtype or self.dtype)
            for row in range(start, start + len(rows)):
                if row in patch.changed:
                    rows[row - start] = patch.changed[row]
            yield rows
            start += len(rows)
        if patch.added:
            yield np.stack(patch.added).astype(patch.dtype or self.dtype)

    def npy_head(self, rows: int, dtype: np.dtype[Any] | None = None) -> bytes:
        """The .npy header of so many of these rows."""
        head = io.BytesIO()
        descr = np.lib.format.dtype_to_descr(dtype or self.dtype)
        said = {"descr": descr, "fortran_order": False}
        np.lib.format.write_array_header_1_0(head, {**said, "shape": (rows, *self.shape[1:])})
        return head.getvalue()


class Pulled:
    """Blocks as a stream."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self._iterator = blocks, iter(blocks)
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            some = next(self._iterator, b"")
            if not some:
                break
            self._held += some
        given = bytes(self._held[:size])
        del self._held[:size]
        return given

    @property
    def cut(self) -> str:
        """Why the file ended before its end, if it did."""
        return self._blocks.cut


def exactly(stream: Any, size: int, name: str) -> bytes:
    """So many bytes, or an error that says what is missing."""
    parts = []
    left = size
    while left and (some := stream.read(min(left, 1 << 24))):
        parts.append(some)
        left -= len(some)
    if left:
        why = getattr(stream, "cut", "") or "the file ends too early; fetch it again"
        raise UnreadableInput(f"{name}: {size - left:,} of {size:,} bytes are there: {why}")
    return b"".join(parts)


def npy_header(stream: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether it lies column by column, dtype, and the length of the header.

    >>> file = io.BytesIO()
    >>> np.save(file, np.zeros((3, 2), np.uint8))
    >>> npy_header(io.BytesIO(file.getvalue()), "a.npy")
    ((3, 2), False, dtype('uint8'), 128)
    """
    magic = exactly(stream, 8, name)
    if not magic.startswith(NPY):
        raise UnreadableInput(f"{name} is no .npy array")
    if magic[6] not in (1, 2):
        raise UnreadableInput(f"{name} is an .npy array of version {magic[6]}; save it again")
    size = exactly(stream, 2 if magic[6] == 1 else 4, name)
    length = struct.unpack("<H" if magic[6] == 1 else "<I", size)[0]
    if length > LONGEST_HEADER:
        raise UnsafeInput(f"{name}: a header of {length:,} bytes is not read")
    head = io.BytesIO(size + exactly(stream, length, name))
    read = np.lib.format.read_array_header_1_0 if magic[6] == 1 else (
        np.lib.format.read_array_header_2_0
    )  # fmt: skip
    try:
        shape, fortran, dtype = read(head)
    except Exception as error:
        raise UnreadableInput(f"{name}: broken .npy header ({type(error).__name__})") from error
    if any(side < 0 for side in shape):
        raise UnreadableInput(f"{name}: a shape of {shape} cannot be")
    return tuple(shape), fortran, dtype, 8 + len(size) + length
