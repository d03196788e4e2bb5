r"""A row as bytes, the same whatever file it came in; `docs/versions.md` says it for outsiders.

A row is the byte 1, then its columns in the order of their names as UTF-8. A column is

    length of its name, 2 bytes · name · kind, 1 byte · length of its value, 4 bytes · value

with lengths big-endian. What is missing (null, and a number that is NaN) is left out, and so are
`index` and `location`: a row may move. Kinds and their values:

    f  a number: 8 bytes, IEEE 754, big-endian; a whole number beyond 2**53 is kind i instead
    i  its decimal digits
    s  a string: UTF-8
    b  bytes
    t  an array: numpy's name of its type, a space, its sides with commas, a zero byte, its values
       in C order as they are stored: `|u1 28,28\0…`
    l  a list: of each element kind, length in 4 bytes, value; kind n for one that is missing
    d  a struct: as a row, without the byte 1

A struct that is a column is taken apart: each field is a column `name of the struct\0field`. Class
codes in `label` are the names of their classes, or digits where those have no names: strings.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import UNLABELLED, Batch, Mask
from foretaste.errors import BadInput

Bytes = NDArray[np.uint8]  # (n, width), a row each
Values: TypeAlias = (
    list[Bytes] | pa.Array
)  # side by side, all of one width; or one a row, null where missing
PLACES = ("index", "location")  # where a row stands is not what it says
VERSION = b"\1"
_NOTHING = pa.scalar(b"", pa.large_binary())
_EXACT = 1 << 53  # whole numbers up to here are 64-bit floats, exactly


def encoded(batch: Batch, before: bytes = b"") -> pa.Array:
    r"""(n,) the canonical bytes of each row, as `large_binary`.

    before: bytes put in front of each

    >>> encoded(Batch(["a"], {"text": ["hi"]}))[0].as_py()
    b'\x01\x00\x04texts\x00\x00\x00\x02hi'

    Raises `BadInput` for a column of a type that has no canonical bytes.
    """
    parts: list[Bytes | pa.Array] = [_same(before + VERSION, len(batch))]
    for name, column in _columns(batch):
        parts += _framed(name, column)
    merged = list(_merged(parts))
    if len(merged) == 1:
        return as_binary(merged[0])
    joined = [as_binary(part) for part in merged]
    return pc.binary_join_element_wise(*joined, _NOTHING)


def _columns(batch: Batch) -> list[tuple[bytes, pa.Array]]:
    """Every column that belongs to the row, in the order of their names."""
    found: list[tuple[bytes, pa.Array]] = []
    for name in batch.names:
        column = batch.arrow(name)
        if name in PLACES:
            continue
        if name == "label":
            column = _labels(column, batch)
        if pa.types.is_struct(column.type):
            fields = zip(column.type, column.flatten(), strict=True)
            found += [(f"{name}\0{field.name}".encode(), values) for field, values in fields]
        else:
            found.append((name.encode(), column))
    return sorted(found, key=lambda pair: pair[0])


def _labels(column: pa.Array, batch: Batch) -> pa.Array:
    if not pa.types.is_integer(column.type):
        return column
    codes = column.to_numpy(zero_copy_only=False)
    there = np.unique(codes).tolist()
    names = {
        code: batch.classes[code] if 0 <= code < len(batch.classes) else str(int(code))
        for code in there
        if code == code and code != UNLABELLED
    }
    return pa.array([names.get(code) for code in codes.tolist()], pa.large_string())


def _framed(name: bytes, column: pa.Array) -> Iterator[Bytes | pa.Array]:
    """The parts that a column adds: (n, width) bytes, or one value a row, empty where missing."""
    if len(name) >= 1 << 16:
        raise BadInput(f"a column's name of {len(name):,} bytes; at most 65,535 can be told")
    lead = len(name).to_bytes(2) + name
    kind = _kind(column)
    if kind is None:
        told = [_told(value) for value in column.to_pylist()]
        yield pa.array([lead + one if one else b"" for one in told], pa.large_binary())
        return
    values = _KINDS[kind](column)
    if isinstance(values, list):
        yield _same(lead + kind + _length(sum(one.shape[1] for one in values)), len(column))
        yield from values
        return
    sizes = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    _length(int(sizes.max(initial=0)))
    lengths = as_binary(sizes.astype(">u4").view(np.uint8).reshape(-1, 4))
    head = pa.scalar(lead + kind, pa.large_binary())
    yield pc.fill_null(pc.binary_join_element_wise(head, lengths, values, _NOTHING), b"")


def _kind(column: pa.Array) -> bytes | None:
    """The kind that all values of a column have; None where they are told one by one."""
    kind = column.type
    if isinstance(column, pa.FixedShapeTensorArray):
        return b"t"
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and _exact(column)):
        return b"f"
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return b"s"
    return b"b" if pa.types.is_large_binary(kind) or pa.types.is_binary(kind) else None


def _exact(column: pa.Array) -> bool:
    ends = pc.min_max(column).as_py()
    return ends["max"] is None or (ends["max"] <= _EXACT and ends["min"] >= -_EXACT)


def _tensors(column: pa.FixedShapeTensorArray) -> Values:
    if not column.null_count:
        return _laid_out(column)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    storage = column.storage.take(pa.array(np.flatnonzero(there)))
    known = _laid_out(pa.ExtensionArray.from_storage(column.type, storage))
    places = pa.array(np.cumsum(there) - 1, mask=~there)
    return as_binary(np.concatenate(known, axis=1)).take(places)


def _laid_out(column: pa.FixedShapeTensorArray) -> list[Bytes]:
    """Type and shape of each array, then its values."""
    shape, dtype = tuple(column.type.shape), np.dtype(column.type.value_type.to_pandas_dtype())
    array = column.to_numpy_ndarray() if len(column) else np.empty((0, *shape), dtype)
    width = math.prod(array.shape[1:])
    stored = np.ascontiguousarray(array, dtype.newbyteorder("<")).reshape(len(array), width)
    sides = ",".join(map(str, array.shape[1:]))
    return [_same(f"{stored.dtype.str} {sides}\0".encode(), len(array)), stored.view(np.uint8)]


def _numbers(column: pa.Array) -> Values:
    wide = column if column.type == pa.float64() else column.cast(pa.float64())
    values = wide.to_numpy(zero_copy_only=False) + 0.0  # one zero of the two
    told = values.astype(">f8").view(np.uint8).reshape(-1, 8)
    missing = np.isnan(values)
    return _where(~missing, as_binary(told)) if missing.any() else [told]


def _strings(column: pa.Array) -> Values:
    column = column.cast(pa.large_binary())
    ends = np.frombuffer(column.buffers()[1], np.int64)[column.offset :][: len(column) + 1]
    if len(column) == 0 or column.null_count or not (np.diff(ends) == ends[1] - ends[0]).all():
        return column
    width = int(ends[1] - ends[0])
    data = column.buffers()[2]
    if not width or data is None:
        return [np.empty((len(column), 0), np.uint8)]
    return [np.frombuffer(data, np.uint8, len(column) * width, int(ends[0])).reshape(-1, width)]


_KINDS = {b"t": _tensors, b"f": _numbers, b"s": _strings, b"b": _strings}


def _told(value: Any) -> bytes:
    """Kind, length and value of one; nothing where it is missing."""
    kind, said = _said(value)
    return kind + _length(len(said)) + said if kind else b""


def _said(value: Any) -> tuple[bytes, bytes]:
    match value:
        case None:
            return b"", b""
        case bool() | float():
            return (b"", b"") if value != value else (b"f", struct.pack(">d", value + 0.0))
        case int():
            exact = abs(value) <= _EXACT
            return (b"f", struct.pack(">d", value)) if exact else (b"i", str(value).encode())
        case str():
            return b"s", value.encode()
        case bytes():
            return b"b", value
        case list():
            return b"l", b"".join(_told(one) or b"n" + _length(0) for one in value)
        case dict():
            named = sorted((name.encode(), _told(one)) for name, one in value.items())
            fields = [len(name).to_bytes(2) + name + one for name, one in named if one]
            return b"d", b"".join(fields)
    raise BadInput(f"a {type(value).__name__} has no canonical bytes; make it a string or a number")


def _length(length: int) -> bytes:
    if length >= 1 << 32:
        raise BadInput("a value of 4 GiB or more has no canonical bytes")
    return length.to_bytes(4)


def _same(what: bytes, rows: int) -> Bytes:
    """The same bytes in every row."""
    return np.broadcast_to(np.frombuffer(what, np.uint8), (rows, len(what)))


def _merged(parts: list[Bytes | pa.Array]) -> Iterator[Bytes | pa.Array]:
    """Neighbours of fixed width as one."""
    for fixed, group in itertools.groupby(parts, lambda part: isinstance(part, np.ndarray)):
        if fixed:
            yield np.concatenate(list(group), axis=1)
        else:
            yield from group


def as_binary(part: Bytes | pa.Array) -> pa.Array:
    """(n, width) bytes as `large_binary`, a row each; what is that already, as it is."""
    if not isinstance(part, np.ndarray):
        return part
    rows, width = part.shape
    ends = pa.py_buffer(np.arange(rows + 1, dtype=np.int64) * width)
    data = pa.py_buffer(np.ascontiguousarray(part))
    return pa.Array.from_buffers(pa.large_binary(), rows, [None, ends, data])


def _where(there: Mask, values: pa.Array) -> pa.Array:
    """Some values, the others missing."""
    return pc.if_else(pa.array(there), values, pa.scalar(None, values.type))
