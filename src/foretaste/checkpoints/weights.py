"""The tensors of a file, a piece at a time, read without loading the file."""

from __future__ import annotations

import ast
import io
import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foretaste.checkpoints import archives, safetensors_file
from foretaste.checkpoints.bounded import Unreadable, Untold
from foretaste.checkpoints.formats import Format, format_of
from foretaste.checkpoints.torch_pickle import stored_tensors
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
OTHERS = (Format.GGUF, Format.ONNX, Format.HDF5, Format.KERAS)
HEADER = 1 << 16  # bytes of the header of an array


@dataclass(frozen=True)
class Weight:
    """One tensor: its bytes are one behind the other in the file, in the order of its shape.

    dtype: as safetensors calls it, such as F32
    """

    path: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def rows(self) -> int:
        """Along the first axis; 1 where there is none."""
        return self.shape[0] if len(self.shape) > 1 else 1

    def readable(self) -> bool:
        """Whether its numbers can be read here."""
        return self.dtype in DTYPES and (not self.rows or self.size // self.rows <= LONGEST_ROW)

    def pieces(self) -> Iterator[Array]:
        """(some rows, numbers a row) of float32 or wider, from first to last."""
        if not self.size:
            return
        width = self.size // self.rows
        step = max(1, PIECE // width)
        with self.path.open("rb") as stream:
            for row in range(0, self.rows, step):
                count = min(step, self.rows - row) * width
                yield self._read(stream, row * width, count).reshape(-1, width)

    def matrix(self) -> Array:
        """(rows, numbers a row) all of it; raises `Unreadable` where that is too much."""
        if self.size > WIDEST:
            raise Unreadable(f"tensor {self.name!r} of {self.size:,} numbers is not read whole")
        pieces = list(self.pieces())
        return np.concatenate(pieces) if pieces else np.empty((0, 0), np.float32)

    def _read(self, stream: io.BufferedReader, at: int, count: int) -> Array:
        code = np.dtype(DTYPES[self.dtype])
        stream.seek(self.start + at * code.itemsize)
        raw = stream.read(count * code.itemsize)
        if len(raw) < count * code.itemsize:
            raise Unreadable(f"the file ends within tensor {self.name!r}")
        found = np.frombuffer(raw, code)
        if self.dtype == "BF16":
            return (found.astype(np.uint32) << 16).view(np.float32)
        return found if found.dtype.itemsize >= 4 else found.astype(np.float32)


def weights(path: Path) -> list[Weight]:
    """The tensors of a file; none of a file that has none.

    Raises `Unreadable` where it is broken, `Untold` where there may be some that are not read.
    """
    kind = format_of(path)
    if kind is Format.SAFETENSORS:
        found = safetensors_file.header_of(path).tensors
        return [Weight(path, one.name, one.dtype, one.shape, one.start) for one in found]
    if kind in (Format.TORCH, Format.TORCHSCRIPT):
        return _torch(path)
    if kind is Format.NPY:
        with path.open("rb") as stream:
            return [_array(path, "array", stream.read(HEADER), 0)]
    if kind in OTHERS:
        raise Untold(f"those of {kind} files are not read here")
    return _arrays(path) if kind is Format.NPZ else []


def _torch(path: Path) -> list[Weight]:
    with archives.opened(path) as archive:
        name = next(one for one in archive.namelist() if one.endswith("data.pkl"))
        infos = {one.filename: one for one in archive.infolist()}
        pickled = archives.content(archive, infos[name], WIDEST)
        found = stored_tensors(io.BytesIO(pickled), len(pickled))
        folder = name.removesuffix("data.pkl")
        with path.open("rb") as stream:
            starts = {
                key: _start(infos.get(f"{folder}data/{key}"), stream)
                for key in {one.key for one in found}
            }
    return [
        Weight(path, one.name, one.dtype, one.shape, starts[one.key] + one.offset) for one in found
    ]


def _start(info: zipfile.ZipInfo | None, stream: io.BufferedReader) -> int:
    if info is None:
        raise Unreadable("a tensor's numbers are not in the archive")
    if info.compress_type != zipfile.ZIP_STORED:
        raise Unreadable("tensors are compressed, which torch does not do")
    return archives.stored_at(stream, info)


def _arrays(path: Path) -> list[Weight]:
    found = []
    with archives.opened(path) as archive, path.open("rb") as stream:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED:
                raise Untold("its arrays are compressed, and are not read here")
            start = archives.stored_at(stream, info)
            stream.seek(start)
            name = info.filename.removesuffix(".npy")
            found.append(_array(path, name, stream.read(HEADER), start))
    return found


def _array(path: Path, name: str, head: bytes, at: int) -> Weight:
    """An array in numpy's format; of objects it has a dtype that cannot be read."""
    wide = head[6:7] != b"\x01"
    begins = 12 if wide else 10
    size = int.from_bytes(head[8:begins], "little")
    if begins + size > len(head):
        raise Unreadable(f"the header of array {name!r} says it is {size:,} bytes long")
    try:
        said = ast.literal_eval(head[begins : begins + size].decode("latin-1").strip())
        shape = tuple(int(side) for side in said["shape"])
        dtype = NUMPY.get(np.dtype(said["descr"]), "other")
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise Unreadable(f"array {name!r} is not described properly: {error}") from error
    if any(side < 0 for side in shape):
        raise Unreadable(f"array {name!r} has a negative side")
    return Weight(path, name, dtype, shape, at + begins + size)


def kind_of(name: str) -> str:
    """A name with its numbers taken out: what tensors of the same place in each layer share.

    >>> kind_of("model.layers.12.mlp.up.weight")
    'model.layers.#.mlp.up.weight'
    """
    return re.sub(r"\d+", "#", name)
