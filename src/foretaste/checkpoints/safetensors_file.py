"""The header of a safetensors file, read by hand and within bounds, and every way it can lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretaste.checkpoints.bounded import LARGEST_JSON, Unreadable, exactly, json_of, spelt

PREFIX = 8  # bytes of the length of the header
METADATA = "__metadata__"
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
MOST_SIDES = 32  # dimensions of a tensor
LONGEST_NAME = 1_024  # characters


@dataclass(frozen=True)
class Stored:
    """One tensor: where its bytes are in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a header says, and what is wrong with it.

    faults: sentences; with any, the file must not be trusted to hold what it says
    """

    tensors: tuple[Stored, ...]
    metadata: dict[str, Any]
    faults: tuple[str, ...]


def header_of(path: Path) -> Header:
    """The header of a file; raises `Unreadable` where there is none to speak of."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(exactly(stream, PREFIX, "the length of its header"), "little")
        if length > min(LARGEST_JSON, size - PREFIX):
            raise Unreadable(
                f"the header says it is {length:,} bytes long, the file is {size:,}; "
                f"at most {LARGEST_JSON:,} are read"
            )
        said, twice = json_of(exactly(stream, length, "its header"))
    if not isinstance(said, dict):
        raise Unreadable("the header is no JSON object")
    faults = [f"the header names {spelt(twice)} more than once"] if twice else []
    metadata = said.pop(METADATA, {})
    if not _texts(metadata):
        faults.append(f"{METADATA} is not a mapping of text to text")
        metadata = {}
    tensors, wrong = _tensors(said, PREFIX + length)
    faults += wrong + _gaps(tensors, PREFIX + length, size)
    return Header(tuple(tensors), metadata, tuple(faults))


def _texts(metadata: Any) -> bool:
    if not isinstance(metadata, dict):
        return False
    return all(isinstance(value, str) for value in metadata.values())


def _tensors(said: dict[str, Any], base: int) -> tuple[list[Stored], list[str]]:
    tensors, faults = [], []
    for name, one in said.items():
        try:
            tensors.append(_stored(name, one, base))
        except (Unreadable, TypeError, KeyError) as error:
            faults.append(f"tensor {name[:80]!r} is not described properly: {error}")
    return tensors, faults


def _stored(name: str, said: Any, base: int) -> Stored:
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise Unreadable("wanted are dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if len(name) > LONGEST_NAME or dtype not in BITS:
        raise Unreadable(f"dtype {str(dtype)[:20]!r} is unknown, or the name is too long")
    if not _naturals(shape) or len(shape) > MOST_SIDES:
        raise Unreadable("the shape is no short list of sizes")
    if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise Unreadable("the offsets are not a start and an end")
    needed = math.prod(shape) * BITS[dtype]
    if needed != 8 * (offsets[1] - offsets[0]):
        raise Unreadable(
            f"{dtype} of shape {shape} takes {needed / 8:,.0f} bytes, "
            f"it is given {offsets[1] - offsets[0]:,}"
        )
    return Stored(name, dtype, tuple(shape), base + offsets[0], base + offsets[1])


def _naturals(values: Any) -> bool:
    return isinstance(values, list) and all(type(one) is int and one >= 0 for one in values)


def _gaps(tensors: list[Stored], base: int, size: int) -> list[str]:
    """Bytes that two tensors share, that none has, or that are not there."""
    faults, at = [], base
    for one in sorted(tensors, key=lambda one: (one.start, one.end)):
        if one.start < at and one.end > one.start:
            faults.append(f"tensor {one.name[:80]!r} overlaps another one")
        elif one.start > at:
            faults.append(
                f"{one.start - at:,} bytes before tensor {one.name[:80]!r} belong to none"
            )
        at = max(at, one.end)
    if at > size:
        faults.append(f"cut off: {at - size:,} bytes are missing at the end")
    elif at < size:
        faults.append(f"{size - at:,} bytes after the last tensor belong to none")
    return faults
