"""The header of a GGUF file, read by hand and within bounds."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from foretaste.checkpoints.bounded import Unreadable, exactly

MOST_KEYS, MOST_TENSORS = 10_000, 1_000_000
MOST_ITEMS = 4_000_000  # of an array
LONGEST = 16 << 20  # bytes of a text
LONGEST_KEY = 1 << 16
ALIGNMENT = 32  # bytes, where a file says nothing else
DEEPEST = 4  # arrays within arrays
TEXT, LIST = 8, 9
NUMBERS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
VERSIONS = (2, 3)


@dataclass(frozen=True)
class GgufTensor:
    """One tensor as the header has it; the offset counts from the end of the header."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass
class GgufHeader:
    """What a header says; of arrays of numbers only how long they are.

    data: where in the file the numbers of tensors begin, in bytes
    """

    said: dict[str, Any] = field(default_factory=dict)
    tensors: list[GgufTensor] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    data: int = 0


def header_of(path: Path) -> GgufHeader:
    """The header of a file; raises `Unreadable` where it is broken."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        reading = _Reading(stream)
        if exactly(stream, 4, "its mark") != b"GGUF":
            raise Unreadable("it does not begin as GGUF does")
        version, tensors, keys = reading.number(4), reading.number(10), reading.number(10)
        if version not in VERSIONS or tensors > MOST_TENSORS or keys > MOST_KEYS:
            raise Unreadable(f"version {version}, {tensors:,} tensors and {keys:,} keys")
        found = GgufHeader()
        for _ in range(keys):
            key = reading.text(LONGEST_KEY)
            if key in found.said:
                found.faults.append(f"the key {key[:80]!r} is there twice")
            found.said[key] = reading.value(reading.number(4))
        found.tensors = [reading.tensor() for _ in range(tensors)]
        end = stream.tell()
    step = found.said.get("general.alignment", ALIGNMENT)
    if type(step) is not int or not 0 < step <= LONGEST_KEY:
        raise Unreadable(f"its tensors are aligned to {str(step)[:20]}")
    found.data = -(-end // step) * step
    _check(found, size - end)
    return found


def _check(found: GgufHeader, left: int) -> None:
    names = [one.name for one in found.tensors]
    if len(set(names)) < len(names):
        found.faults.append("two tensors have one name")
    if any(one.offset > left for one in found.tensors):
        found.faults.append("cut off: tensors begin behind the end of the file")


@dataclass
class _Reading:
    stream: BufferedReader

    def number(self, kind: int) -> Any:
        code = NUMBERS[kind]
        return struct.unpack(code, exactly(self.stream, struct.calcsize(code), "its header"))[0]

    def text(self, most: int) -> str:
        length = self.number(10)
        if length > most:
            raise Unreadable(f"a text of {length:,} bytes, at most {most:,} are read")
        return exactly(self.stream, length, "a text").decode("utf-8", "replace")

    def value(self, kind: int, deep: int = 0) -> Any:
        if kind == TEXT:
            return self.text(LONGEST)
        if kind == LIST:
            return self._list(deep)
        if kind not in NUMBERS:
            raise Unreadable(f"a value of the unknown type {kind}")
        return self.number(kind)

    def _list(self, deep: int) -> Any:
        kind, length = self.number(4), self.number(10)
        if length > MOST_ITEMS or deep >= DEEPEST:
            raise Unreadable(f"an array of {length:,} values, {deep} deep")
        if kind in NUMBERS:
            self.stream.seek(length * struct.calcsize(NUMBERS[kind]), 1)
            return length
        return [self.value(kind, deep + 1) for _ in range(length)]

    def tensor(self) -> GgufTensor:
        name, sides = self.text(LONGEST_KEY), self.number(4)
        if sides > 8:
            raise Unreadable(f"tensor {name[:80]!r} has {sides:,} sides")
        shape = tuple(self.number(10) for _ in range(sides))
        if math.prod(shape) > 1 << 48:
            raise Unreadable(f"tensor {name[:80]!r} of shape {shape}")
        return GgufTensor(name, shape, self.number(4), self.number(10))
