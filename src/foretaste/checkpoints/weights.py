"""The tensors of a file of any format, read without loading the file."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

import numpy as np

from foretaste.checkpoints import archives, gguf_tensors, hdf5_file, onnx_file, safetensors_file
from foretaste.checkpoints.bounded import Unreadable, Untold
from foretaste.checkpoints.formats import Format, format_of
from foretaste.checkpoints.tensors import NUMPY, WIDEST, Weight, stored
from foretaste.checkpoints.torch_pickle import stored_tensors

HEADER = 1 << 16  # bytes of the header of an array
OTHERS = {
    Format.GGUF: gguf_tensors.tensors,
    Format.ONNX: onnx_file.tensors,
    Format.HDF5: hdf5_file.tensors,
    Format.KERAS: hdf5_file.tensors,
}


def weights(path: Path) -> list[Weight]:
    """The tensors of a file; none of a file that has none.

    Raises `Unreadable` where it is broken, `Untold` where there may be some that are not read.
    """
    kind = format_of(path)
    if kind is Format.SAFETENSORS:
        found = safetensors_file.header_of(path).tensors
        return [stored(path, one.name, one.dtype, one.shape, one.start) for one in found]
    if kind in (Format.TORCH, Format.TORCHSCRIPT):
        return _torch(path)
    if kind is Format.NPY:
        with path.open("rb") as stream:
            return [_array(path, "array", stream.read(HEADER), 0)]
    if kind in OTHERS:
        return OTHERS[kind](path)
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
        stored(path, one.name, one.dtype, one.shape, starts[one.key] + one.offset) for one in found
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
    return stored(path, name, dtype, shape, at + begins + size)
