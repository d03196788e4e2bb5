"""The stable name of a row: what it says, whatever file format it came in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import ID_LENGTH

# where a row comes from and when is not what it says; of `text` and `prompt` one is enough
CONTENT = (
    "label", "prompt", "response", "rejected", "text", "image", "features", "user", "item",
    "rating",
)  # fmt: skip
_NONE = pa.scalar(b"", pa.large_binary())
_FEW = 8  # rows that are framed one by one, which for one row takes a tenth of the time


def content_ids(columns: Mapping[str, pa.Array]) -> pa.Array:
    r"""The content id of each row: `data.content_id` over name and value of its content roles.

    Values that are missing are left out; numbers are 64-bit floats; features are taken in the
    order of their names. So a row has the same id in CSV as in Parquet.

    >>> from foretaste.data import content_id
    >>> ids = content_ids({"text": pa.array(["hi"]), "label": pa.array(["ham"])})
    >>> ids[0].as_py() == content_id(b"label", b"ham", b"text", b"hi")
    True
    """
    names = [name for name in CONTENT if name in columns]
    if "prompt" in names and "text" in names:
        names.remove("text")
    parts = [part for name in names for part in _framed(name, columns[name])]
    rows = len(next(iter(columns.values()))) if columns else 0
    if not parts:
        parts = [pa.array([b""] * rows, pa.large_binary())]
    joined = pc.binary_join_element_wise(*parts, _NONE)
    sha, width = hashlib.sha256, ID_LENGTH
    return pa.array([sha(row).hexdigest()[:width] for row in joined.to_pylist()], pa.large_string())


def _framed(name: str, column: pa.Array) -> Iterator[pa.Array]:
    if isinstance(column, pa.FixedShapeTensorArray):
        yield _named(name, _tensor(column))
    elif pa.types.is_struct(column.type):
        yield from _struct(name, column)
    elif pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        yield _named(name, _numbers([column]))
    else:
        yield _named(name, column.cast(pa.large_binary()))


def _struct(name: str, column: pa.StructArray) -> Iterator[pa.Array]:
    fields = {f.name: values for f, values in zip(column.type, column.flatten(), strict=True)}
    numeric = sorted(f for f in fields if pa.types.is_floating(fields[f].type))
    if numeric:
        title = "\0".join([name, *numeric])
        yield _named(title, _numbers([fields[f] for f in numeric]))
    for other in sorted(fields.keys() - set(numeric)):
        yield _named(f"{name}\0{other}", fields[other].cast(pa.large_binary()))


def _numbers(columns: list[pa.Array]) -> pa.Array:
    table = np.empty((len(columns[0]), len(columns)), "<f8")
    for place, column in enumerate(columns):
        wide = column if column.type == pa.float64() else column.cast(pa.float64(), safe=False)
        table[:, place] = wide.to_numpy(zero_copy_only=False)
    table[np.isnan(table)] = np.nan  # one NaN of the many there are
    table += 0.0  # and one zero of the two
    return _bytes_of_rows(table)


def _tensor(column: pa.FixedShapeTensorArray) -> pa.Array:
    array = column.to_numpy_ndarray() if len(column) else np.empty((0, 1))
    return _bytes_of_rows(np.ascontiguousarray(array).reshape(len(array), -1))


def _bytes_of_rows(table: np.ndarray[tuple[int, int], np.dtype[np.generic]]) -> pa.Array:
    width = table.shape[1] * table.itemsize
    data = pa.py_buffer(np.ascontiguousarray(table))
    fixed = pa.Array.from_buffers(pa.binary(width), len(table), [None, data])
    return fixed.cast(pa.large_binary())


def _named(name: str, values: pa.Array) -> pa.Array:
    """Length, name, length, value; nothing where the value is missing."""
    title = name.encode()
    lead = len(title).to_bytes(8, "little") + title
    if len(values) <= _FEW:
        told = [None if v is None else len(v).to_bytes(8, "little") + v for v in values.to_pylist()]
        return pa.array([b"" if v is None else lead + v for v in told], pa.large_binary())
    lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    sizes = _bytes_of_rows(np.asarray(lengths, "<i8").reshape(-1, 1))
    framed = pc.binary_join_element_wise(
        pa.scalar(lead, pa.large_binary()), sizes, values.cast(pa.large_binary()), _NONE
    )
    return pc.fill_null(framed, b"")
