"""Stand-ins for what a pickle would build, and the stream that it is read from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, BinaryIO

BLOCK = 1 << 20


class Stuck(Exception):
    """The pickle cannot be followed further; the message says where and why."""


@dataclass(frozen=True)
class Name:
    """Something that is imported: module and name within it."""

    module: str
    name: str
    offset: int

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Long:
    """A long constant, of which only the size is kept."""

    size: int


@dataclass(frozen=True)
class Persistent:
    """What stands outside of the pickle, such as the numbers of a tensor."""

    key: Any


@dataclass(eq=False)
class Made:
    """What a call would give: who is called, with what; and what is put into it afterwards."""

    maker: Any
    given: Any
    state: Any = None
    pairs: list[tuple[Any, Any]] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Pairs:
    """A mapping, its keys as they came: stand-ins cannot be hashed."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)


@dataclass
class Followed:
    """What following a pickle gave.

    names:   everything it imports, in order
    root:    a stand-in for what loading would give; None unless the end was reached
    end:     where in the stream the pickle ends, -1 if its end was not reached
    trouble: why it could not be followed to its end
    """

    names: list[Name] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)  # where names are not written as such
    extensions: list[int] = field(default_factory=list)  # where a registry of numbers decides
    root: Any = None
    end: int = -1
    steps: int = 0
    trouble: str = ""

    def take(self, inner: Followed) -> None:
        """Adds what following a pickle within this one gave."""
        self.names += inner.names
        self.computed += inner.computed
        self.extensions += inner.extensions
        self.steps += inner.steps
        if inner.trouble:
            raise Stuck(inner.trouble)


class Within:
    """A stream of known size, which never reads more than there is."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size, self._at = stream, size, 0

    def read(self, size: int) -> bytes:
        """At most so many bytes."""
        found = self._stream.read(max(0, min(size, self._size - self._at)))
        self._at += len(found)
        return found

    def readline(self) -> bytes:
        """The rest of a line."""
        found = self._stream.readline(self._size - self._at)
        self._at += len(found)
        return found

    def tell(self) -> int:
        """Bytes read so far."""
        return self._at


def wraps_array(made: Made) -> bool:
    """Whether joblib puts an array's numbers right behind this."""
    return isinstance(made.maker, Name) and made.maker.name == "NumpyArrayWrapper"


def objects(made: Made) -> bool:
    """Whether it is an array of objects, which are a pickle of their own."""
    return _code(_described(made).get("dtype")).startswith("O")


def skip_numbers(made: Made, stream: Within) -> None:
    """Reads past the numbers of an array; raises `Stuck` where their number cannot be told."""
    said = _described(made)
    code = _code(said.get("dtype"))
    if code[:1] not in tuple("biufcSUVmM") or not code[1:].isdigit():
        raise Stuck(f"an array of joblib of type {code[:20]!r}: what follows cannot be told")
    if said.get("numpy_array_alignment_bytes") is not None:
        stream.read(int.from_bytes(stream.read(1), "little"))
    width = int(code[1:]) * (4 if code[0] == "U" else 1)
    left = math.prod(int(side) for side in said["shape"]) * width
    while left > 0:
        some = stream.read(min(left, BLOCK))
        if not some:
            raise Stuck("cut off within the numbers of an array")
        left -= len(some)


def _described(made: Made) -> dict[Any, Any]:
    return dict(made.state.pairs) if isinstance(made.state, Pairs) else {}


def _code(dtype: Any) -> str:
    """Such as `f8`, of the stand-in of a numpy dtype; nothing where it cannot be told."""
    if not isinstance(dtype, Made) or not isinstance(dtype.given, tuple) or not dtype.given:
        return ""
    return dtype.given[0] if isinstance(dtype.given[0], str) else ""
