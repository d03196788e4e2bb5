"""The tensors of an ONNX file: those in it, and those in files beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from foretaste.checkpoints.bounded import Unreadable, Untold
from foretaste.checkpoints.tensors import DTYPES, Cut, Weight, stored, widened
from foretaste.data import Array
from foretaste.errors import MissingExtra

LARGEST = 1 << 30  # bytes; protocol buffers end at twice that
NAMES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16",
    11: "F64", 12: "U32", 13: "U64", 16: "BF16",
}  # fmt: skip
FIELDS = {"F32": "float_data", "F64": "double_data", "I64": "int64_data",
          "U32": "uint64_data", "U64": "uint64_data"}  # fmt: skip
TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, eq=False)
class Inline:
    """Numbers within the model, as bytes or one by one."""

    tensor: Any
    dtype: str

    def read(self, cuts: Sequence[Cut]) -> Iterator[Array]:
        code = np.dtype(DTYPES[self.dtype])
        if self.tensor.HasField("raw_data"):
            found = np.frombuffer(self.tensor.raw_data, code)
        else:
            values = getattr(self.tensor, _field(self.dtype))
            found = _cast(np.fromiter(values, _wide(self.dtype), len(values)), self.dtype)
        for first, last in cuts:
            yield widened(found[first:last], self.dtype)


def model_of(path: Path) -> Any:
    """The model, without what stands in other files; raises `Unreadable` where it is broken."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtra("an ONNX file", "checkpoints") from error
    if path.stat().st_size > LARGEST:
        raise Unreadable(f"more than {LARGEST:,} bytes of ONNX are not read")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:
        raise Unreadable(f"it is no ONNX that can be read: {error}") from error
    if not model.ir_version or not model.HasField("graph"):
        raise Unreadable("it is no ONNX that can be read: it has no graph")
    return model


def word(said: str | bytes) -> str:
    r"""A text of the model; what is no Unicode comes from the library as bytes.

    >>> word(b"a\xff") == word("a\ufffd")
    True
    """
    return said if isinstance(said, str) else said.decode("utf-8", "replace")


def leads_out(location: str) -> bool:
    """Whether a file is said to stand elsewhere than in the folder of the model.

    >>> leads_out("weights/a.bin"), leads_out("../a.bin"), leads_out("C:/a.bin")
    (False, True, True)
    """
    path = PurePosixPath(location.replace("\\", "/"))
    drive = ":" in path.parts[0] if path.parts else False
    return path.is_absolute() or ".." in path.parts or drive


def tensors(path: Path) -> list[Weight]:
    """Initialisers and constants; raises `Unreadable` for what leads out or is no tensor."""
    model = model_of(path)
    from onnx.external_data_helper import _get_all_tensors

    sparse = [one.values for one in model.graph.sparse_initializer]
    found: dict[str, Weight] = {}
    for at, one in enumerate([*_get_all_tensors(model), *sparse]):
        name = word(one.name)
        name = name if name and name not in found else f"{name}[{at}]"
        found[name] = _weight(path.parent, name, one)
    return list(found.values())


def _weight(folder: Path, name: str, one: Any) -> Weight:
    shape, dtype = tuple(one.dims), NAMES.get(one.data_type, f"type {one.data_type}")
    if any(side < 0 for side in shape):
        raise Unreadable(f"tensor {name[:80]!r} has a negative side")
    if one.data_location == 1 or one.external_data:
        return _beside(folder, name, dtype, shape, one)
    if dtype not in DTYPES:
        return Weight(name, dtype, shape)
    _check(name, dtype, math.prod(shape), one)
    return Weight(name, dtype, shape, Inline(one, dtype))


def _check(name: str, dtype: str, size: int, one: Any) -> None:
    """That a tensor has as many numbers as its shape says, and in one place only."""
    field, raw = _field(dtype), one.HasField("raw_data")
    places = [each for each in TYPED if len(getattr(one, each))]
    if raw and places:
        raise Unreadable(f"tensor {name[:80]!r} is there twice: which one is read differs")
    if places not in ([], [field]):
        raise Unreadable(f"the numbers of tensor {name[:80]!r} are not of its type")
    wide = np.dtype(DTYPES[dtype]).itemsize
    there = len(one.raw_data) / wide if raw else len(getattr(one, field))
    if there != size:
        raise Unreadable(f"tensor {name[:80]!r} of {size:,} numbers has {there:,.0f}")


def _beside(folder: Path, name: str, dtype: str, shape: tuple[int, ...], one: Any) -> Weight:
    said = {word(entry.key): word(entry.value) for entry in one.external_data}
    location = said.get("location", "")
    file = _inside(folder, location)
    start = _natural(said.get("offset", "0"), name)
    weight = stored(file, name, dtype, shape, start)
    if weight.numbers is None:
        return weight
    size = weight.size * np.dtype(DTYPES[dtype]).itemsize
    if _natural(said.get("length", str(size)), name) != size:
        raise Unreadable(f"tensor {name[:80]!r} takes {size:,} bytes, it is given others")
    if start + size > file.stat().st_size:
        raise Unreadable(f"the file {location[:80]!r} ends within tensor {name[:80]!r}")
    return weight


def _inside(folder: Path, location: str) -> Path:
    """A plain file in the folder of the model or below it; neither path nor link may lead out."""
    if not location or "\0" in location or leads_out(location):
        raise Unreadable(f"numbers are to be read from {location[:80]!r}, out of the folder")
    file, inside = folder / location, folder.resolve()
    try:
        real = file.resolve()
        if not real.is_relative_to(inside):
            raise Unreadable(f"{location[:80]!r} is a link that leads out of the folder")
        if not real.exists():
            raise Untold(f"numbers stand in {location[:80]!r}, which is not beside the model")
        if not real.is_file():
            raise Unreadable(f"{location[:80]!r} is no plain file")
    except (OSError, RuntimeError) as error:
        raise Unreadable(f"{location[:80]!r} cannot be read: {error}") from error
    return real


def _natural(said: str, name: str) -> int:
    if not said.isascii() or not said.isdigit() or len(said) > 20:
        raise Unreadable(f"tensor {name[:80]!r} begins or ends at {said[:20]!r} of its file")
    return int(said)


def _field(dtype: str) -> str:
    return FIELDS.get(dtype, "int32_data")


def _wide(dtype: str) -> str:
    """The type of the values of a field."""
    field = _field(dtype)
    return {"float_data": "<f4", "double_data": "<f8", "int32_data": "<i4"}.get(
        field, "<u8" if field == "uint64_data" else "<i8"
    )


def _cast(found: Array, dtype: str) -> Array:
    """Values of a field as their type; half numbers are kept as the bits they are made of."""
    if dtype == "F16":
        return found.astype("<u2").view("<f2")
    return found.astype(DTYPES[dtype])
