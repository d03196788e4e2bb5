"""One tensor of a file, whose numbers are read a piece at a time and never all at once."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from foretaste.checkpoints.bounded import Unreadable
from foretaste.data import Array

PIECE = 1 << 20  # numbers read at a time
LONGEST_ROW = 1 << 24
WIDEST = 1 << 28  # numbers of a tensor that is read whole
DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "BF16": "<u2",
    "I32": "<i4", "U32": "<u4", "F32": "<f4", "I64": "<i8", "U64": "<u8", "F64": "<f8",
}  # fmt: skip
FLOATS = frozenset({"F16", "BF16", "F32", "F64"})
NUMPY = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}

Cut = tuple[int, int]


class Numbers(Protocol):
    """Where the numbers of a tensor stand."""

    def read(self, cuts: Sequence[Cut]) -> Iterator[Array]:
        """The numbers from `first` to before `last` of each cut (first, last), in order.

        Cuts are whole rows, and counted in numbers. Raises `Unreadable` where they are not there.
        """


@dataclass(frozen=True)
class Weight:
    """One tensor of a file.

    dtype:   as safetensors calls it, such as F32, or the name of a quantised type, such as Q4_K
    numbers: None where they cannot be read here
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    numbers: Numbers | None = None
    quantised: bool = False  # numbers are floating-point ones, made of blocks

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def rows(self) -> int:
        """Along the first axis; 1 where there is none."""
        return self.shape[0] if len(self.shape) > 1 else 1

    @property
    def real(self) -> bool:
        """Whether its numbers are floating-point ones."""
        return self.quantised or self.dtype in FLOATS

    def readable(self) -> bool:
        """Whether its numbers can be read here."""
        short = not self.rows or self.size // self.rows <= LONGEST_ROW
        return self.numbers is not None and short

    def pieces(self) -> Iterator[Array]:
        """(some rows, numbers a row) of float32 or wider, from first to last."""
        if not self.size or self.numbers is None:
            return
        width = self.size // self.rows
        step = max(1, PIECE // width) * width
        cuts = [(at, min(at + step, self.size)) for at in range(0, self.size, step)]
        for piece in self.numbers.read(cuts):
            yield piece.reshape(-1, width)

    def matrix(self) -> Array:
        """(rows, numbers a row) all of it; raises `Unreadable` where that is too much."""
        if self.size > WIDEST:
            raise Unreadable(f"tensor {self.name!r} of {self.size:,} numbers is not read whole")
        pieces = list(self.pieces())
        return np.concatenate(pieces) if pieces else np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class InFile:
    """Numbers one behind the other in a file."""

    path: Path
    dtype: str
    start: int  # bytes

    def read(self, cuts: Sequence[Cut]) -> Iterator[Array]:
        code = np.dtype(DTYPES[self.dtype])
        with self.path.open("rb") as stream:
            for first, last in cuts:
                at = self.start + first * code.itemsize
                raw = exactly_at(stream, at, (last - first) * code.itemsize)
                yield widened(np.frombuffer(raw, code), self.dtype)


def stored(path: Path, name: str, dtype: str, shape: tuple[int, ...], start: int) -> Weight:
    """A tensor whose numbers stand in a file as they are, if they are of a type that is read."""
    numbers = InFile(path, dtype, start) if dtype in DTYPES else None
    return Weight(name, dtype, shape, numbers)


def exactly_at(stream: io.BufferedReader, at: int, size: int) -> bytes:
    """So many bytes from there on; raises `Unreadable` where there are fewer."""
    stream.seek(at)
    raw = stream.read(size)
    if len(raw) < size:
        raise Unreadable("the file ends within a tensor")
    return raw


def widened(found: Array, dtype: str) -> Array:
    """Numbers as float32 or wider, in this machine's order of bytes."""
    if dtype == "BF16":
        return (found.astype(np.uint32) << 16).view(np.float32)
    if found.dtype.itemsize < 4:
        return found.astype(np.float32)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def kind_of(name: str) -> str:
    """A name with its numbers taken out: what tensors of the same place in each layer share.

    >>> kind_of("model.layers.12.mlp.up.weight")
    'model.layers.#.mlp.up.weight'
    """
    return re.sub(r"\d+", "#", name)
