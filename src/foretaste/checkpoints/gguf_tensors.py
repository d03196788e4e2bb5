"""The tensors of a GGUF file: plain numbers, and blocks of quantised ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.checkpoints import gguf_file
from foretaste.checkpoints.bounded import Unreadable
from foretaste.checkpoints.gguf_file import GgufTensor
from foretaste.checkpoints.tensors import DTYPES, Cut, InFile, Weight, exactly_at
from foretaste.data import Array
from foretaste.errors import MissingExtra

PLAIN = {0: "F32", 1: "F16", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 30: "BF16"}
AT_ONCE = 1 << 20  # numbers made of blocks at a time: what that takes is many times what it gives


@dataclass(frozen=True)
class Blocks:
    """Quantised numbers; `block` of them stand in `width` bytes."""

    path: Path
    kind: int
    start: int  # bytes
    block: int
    width: int

    def read(self, cuts: Sequence[Cut]) -> Iterator[Array]:
        with self.path.open("rb") as stream:
            for first, last in cuts:
                parts = [
                    self._made(exactly_at(stream, *self._place(at, min(at + AT_ONCE, last))))
                    for at in range(first, last, AT_ONCE)
                ]
                yield np.concatenate(parts)

    def _place(self, first: int, last: int) -> tuple[int, int]:
        return (
            self.start + first // self.block * self.width,
            (last - first) // self.block * self.width,
        )

    def _made(self, raw: bytes) -> Array:
        gguf = _gguf()
        blocks = np.frombuffer(raw, np.uint8).reshape(-1, self.width)
        with np.errstate(all="ignore"):  # a scale that is no number is what is looked for
            made: Array = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType(self.kind))
        return np.asarray(made, np.float32).ravel()


def tensors(path: Path) -> list[Weight]:
    """Every tensor that the header names; raises `Unreadable` where its bytes cannot be there."""
    header = gguf_file.header_of(path)
    left, taken, found = path.stat().st_size - header.data, 0, []
    for one in header.tensors:
        weight, size = _weight(path, one, header.data)
        if one.offset + size > left:
            raise Unreadable(f"the file ends within tensor {one.name[:80]!r}")
        taken += size
        if taken > left:
            raise Unreadable("its tensors share bytes: together they are larger than the file")
        found.append(weight)
    return found


def _weight(path: Path, one: GgufTensor, data: int) -> tuple[Weight, int]:
    """The tensor, and how many bytes it takes; 0 of a type that is unknown."""
    shape, start = tuple(reversed(one.shape)), data + one.offset
    if dtype := PLAIN.get(one.kind):
        size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        return Weight(one.name, dtype, shape, InFile(path, dtype, start)), size
    gguf = _gguf()
    try:
        kind = gguf.GGMLQuantizationType(one.kind)
    except ValueError:
        return Weight(one.name, f"type {one.kind}", shape), 0
    block, width = gguf.GGML_QUANT_SIZES[kind]
    if not shape or shape[-1] % block:
        raise Unreadable(f"tensor {one.name[:80]!r} of {kind.name} is not made of whole blocks")
    numbers = Blocks(path, one.kind, start, block, width) if kind in _made_of_blocks() else None
    return Weight(one.name, kind.name, shape, numbers, True), math.prod(shape) // block * width


def _made_of_blocks() -> Any:
    """The types that the library can make numbers of."""
    return _gguf().quants._type_traits


def _gguf() -> Any:
    try:
        import gguf
        import gguf.quants
    except ImportError as error:
        raise MissingExtra("quantised tensors of a GGUF file", "checkpoints") from error
    return gguf
