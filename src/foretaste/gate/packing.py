"""What a check knows as bytes and back, without pickle.

    9 bytes   b"foretaste"
    1 byte    version of this form
    32 bytes  SHA-256 of all that follows
    8 bytes   length of the outline, little-endian
    outline   JSON: scalars as they are; everything else as [kind, …], arrays by their number
    arrays    one after the other, each as long as the outline says

A dataclass is written by its name and comes back only as one of the types its reader names:
nothing is imported, and no code of a state runs. Arrays keep their layout in memory, and two names
of one array stay two names of one array, so what is computed from them stays the same to the bit.
"""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.data import Array, Batch
from foretaste.errors import BadInput, BadRecord

VERSION = 1
MOST = 1 << 30  # bytes of a packed state
_MAGIC = b"foretaste" + bytes([VERSION])
_START = len(_MAGIC) + 32
_KINDS = "?biufcSUmM"  # of numpy arrays that hold no objects
_PLAIN = (str, bool, int, float, type(None))

Types = Mapping[str, type]


def pack(value: Any) -> bytes:
    """A state as bytes; raises `BadInput` where it holds what no state may hold.

    >>> unpack(pack((1, 2.5, None, np.arange(3))), [])
    (1, 2.5, None, array([0, 1, 2]))
    """
    writer = _Writer()
    outline = json.dumps(writer.outline(value)).encode()
    parts = [len(outline).to_bytes(8, "little"), outline, *writer.parts]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    if sum(map(len, parts)) > MOST:
        raise BadInput(f"a state of more than {MOST} bytes; give its check smaller bounds")
    return b"".join([_MAGIC, digest.digest(), *parts])


def unpack(data: bytes, kinds: Iterable[type]) -> Any:
    """The state that was packed; raises `BadRecord` where the bytes are damaged.

    kinds: the dataclasses and enums it may hold, as `kinds_of` finds them
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise BadRecord("no packed state of this version; resume from an older or a newer one")
    if len(data) > MOST + _START:
        raise BadRecord(f"a packed state of {len(data)} bytes; at most {MOST} are read")
    body = data[_START:]
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : _START]:
        raise BadRecord("a packed state that is torn or was changed: its SHA-256 does not fit")
    return unpacked(body, kinds)


def unpacked(body: bytes, kinds: Iterable[type]) -> Any:
    """What stands behind the digest; bad bytes are a `BadRecord`, whatever they are."""
    try:
        size = int.from_bytes(body[:8], "little")
        outline = json.loads(body[8 : 8 + size])
        return _Reader(body[8 + size :], {_name(kind): kind for kind in kinds}).value(outline)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise BadRecord(f"a packed state that makes no sense: {error!r}"[:300]) from error
    except (AttributeError, MemoryError, pa.ArrowException, OSError) as error:
        raise BadRecord(f"a packed state that makes no sense: {error!r}"[:300]) from error


def kinds_of(function: Callable[..., Any], value: Any) -> set[type]:
    """The dataclasses and enums that what a function gives may hold.

    function: its annotation is followed through all fields
    value:    one that it gave, in which more may be found
    """
    found: set[type] = set()
    _follow(_hints(function).get("return"), found)
    _walk(value, found)
    return found


class _Writer:
    """Outlines a value; its arrays are put aside, each once."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._end = 0
        self._told: dict[int, tuple[list[Any], Array]] = {}

    def outline(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        for kind, write in _WRITERS:
            if isinstance(value, kind):
                return write(self, value)
        if is_dataclass(value) and not isinstance(value, type):
            told = {one.name: self.outline(getattr(value, one.name)) for one in fields(value)}
            return ["dataclass", _name(type(value)), told]
        raise BadInput(f"a state may not hold {type(value).__name__}: {value!r}"[:200])

    def array(self, value: Array) -> list[Any]:
        if value.dtype.kind not in _KINDS:
            raise BadInput(f"a state may not hold arrays of {value.dtype}")
        if id(value) not in self._told:
            turned = value.flags.f_contiguous and not value.flags.c_contiguous
            raw = value.tobytes(order="F" if turned else "C")
            where = (list(value.shape), "F" if turned else "C", *self._put(raw))
            self._told[id(value)] = ["array", value.dtype.str, *where], value
        return self._told[id(value)][0]

    def batch(self, value: Batch) -> list[Any]:
        columns = [value.arrow_ids(), *map(value.arrow, value.names)]
        rows = pa.RecordBatch.from_arrays(columns, ["#id", *value.names])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_batch(rows)
        return ["batch", list(value.classes), *self._put(sink.getvalue().to_pybytes())]

    def many(self, value: list[Any] | tuple[Any, ...]) -> list[Any]:
        if type(value) not in (list, tuple):
            raise BadInput(f"a state may not hold a {type(value).__name__}; use a dataclass")
        return [type(value).__name__, *map(self.outline, value)]

    def mapping(self, value: dict[Any, Any]) -> list[Any]:
        return ["dict", *([self.outline(k), self.outline(v)] for k, v in value.items())]

    def enum(self, value: Enum) -> list[Any]:
        return ["enum", _name(type(value)), value.name]

    def scalar(self, value: Any) -> list[Any]:
        return ["scalar", self.array(np.asarray(value))]

    def raw(self, value: bytes) -> list[Any]:
        return ["bytes", *self._put(value)]

    def _put(self, raw: bytes) -> tuple[int, int]:
        """Where it starts among the arrays, and its length."""
        self.parts.append(raw)
        self._end += len(raw)
        return self._end - len(raw), len(raw)


_WRITERS: tuple[tuple[type, Callable[[_Writer, Any], list[Any]]], ...] = (
    (np.ndarray, _Writer.array),
    (np.generic, _Writer.scalar),
    (Enum, _Writer.enum),
    (Batch, _Writer.batch),
    (bytes, _Writer.raw),
    (dict, _Writer.mapping),
    (list, _Writer.many),
    (tuple, _Writer.many),
)


class _Reader:
    """Builds a value from its outline."""

    def __init__(self, raw: bytes, types: Types) -> None:
        self._raw, self._types = raw, types
        self._arrays: dict[tuple[Any, ...], Array] = {}

    def value(self, outline: Any) -> Any:
        if not isinstance(outline, list):
            if isinstance(outline, dict):
                raise BadRecord("a packed state with an object where none can be")
            return outline
        kind, *rest = outline
        if kind not in _READERS:
            raise BadRecord(f"a packed state with a kind nobody knows: {kind!r}"[:200])
        return _READERS[kind](self, *rest)

    def array(self, dtype: str, shape: list[int], order: str, start: int, size: int) -> Array:
        place = (dtype, tuple(shape), order, start, size)
        if place not in self._arrays:
            kind = np.dtype(dtype)
            if kind.kind not in _KINDS or any(side < 0 for side in shape):
                raise BadRecord(f"a packed state with an array of {dtype} {shape}"[:200])
            whole = np.frombuffer(self.raw(start, size), kind).copy()
            self._arrays[place] = whole.reshape(shape, order="F" if order == "F" else "C")
        return self._arrays[place]

    def batch(self, classes: list[str], start: int, size: int) -> Batch:
        table = pa.ipc.open_stream(self.raw(start, size)).read_all()
        columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
        for column in columns.values():
            column.validate(full=True)
        return Batch(columns.pop("#id"), columns, [str(one) for one in classes])

    def mapping(self, *pairs: list[Any]) -> dict[Any, Any]:
        return {self.value(key): self.value(value) for key, value in pairs}

    def enum(self, name: str, member: str) -> Any:
        return typing.cast(Any, self._type(name))[member]

    def dataclass(self, name: str, told: dict[str, Any]) -> Any:
        kind = self._type(name)
        wanted = [one.name for one in fields(kind)]
        if sorted(told) != sorted(wanted):
            raise BadRecord(f"{name} has fields {wanted}; the packed one has {sorted(told)}")
        made: Any = object.__new__(kind)
        for field in wanted:
            object.__setattr__(made, field, self.value(told[field]))
        return made

    def raw(self, start: int, size: int) -> bytes:
        if not 0 <= start <= start + size <= len(self._raw):
            raise BadRecord("a packed state with an array that is not all there")
        return self._raw[start : start + size]

    def _type(self, name: str) -> type:
        if name not in self._types:
            raise BadRecord(f"a packed state with a {name!r}, which its check does not know")
        return self._types[name]


_READERS: dict[str, Callable[..., Any]] = {
    "array": _Reader.array,
    "scalar": lambda reader, one: reader.value(one)[()],
    "bytes": _Reader.raw,
    "batch": _Reader.batch,
    "dict": _Reader.mapping,
    "list": lambda reader, *rest: [reader.value(one) for one in rest],
    "tuple": lambda reader, *rest: tuple(reader.value(one) for one in rest),
    "enum": _Reader.enum,
    "dataclass": _Reader.dataclass,
}


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _hints(of: Any) -> dict[str, Any]:
    """Annotations; none where they name what only a type checker imports."""
    try:
        return typing.get_type_hints(of)
    except (NameError, TypeError, AttributeError):
        return {}


def _follow(hint: Any, found: set[type]) -> None:
    for inner in typing.get_args(hint):
        _follow(inner, found)
    if not isinstance(hint, type) or hint in found:
        return
    if is_dataclass(hint) or issubclass(hint, Enum):
        found.add(hint)
    if is_dataclass(hint):
        for inner in _hints(hint).values():
            _follow(inner, found)


def _walk(value: Any, found: set[type]) -> None:
    if is_dataclass(value) and not isinstance(value, type):
        found.add(type(value))
        for one in fields(value):
            _walk(getattr(value, one.name), found)
    elif isinstance(value, Enum):
        found.add(type(value))
    elif isinstance(value, dict):
        _walk([*value, *value.values()], found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _walk(inner, found)
