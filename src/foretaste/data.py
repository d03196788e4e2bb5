"""What flows through the house: rows, in batches, column by column, on Arrow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from foretaste.errors import MissingColumn

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

ID_LENGTH = 32  # hexadecimal digits of a content id
UNLABELLED = -1  # the class code of a row without a label


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was found but could not be read."""

    index: int  # 0-based position in reading order, counted over all rows found
    location: str  # path inside the data set plus line or row where there is one
    reason: str


class Batch:
    """Some rows of a dataset; never changed once made.

    ids:     (n,) content ids: equal content has an equal id, so they need not be unique
    columns: name -> (n, ...) array, first axis is the row; kept as Arrow, given as numpy
    classes: names of the class codes in the column `label`
    refused: rows found while reading this batch that could not be read

    >>> batch = Batch(["a", "b"], {"label": [0, 1], "embedding": [[1.0, 2.0], [3.0, 4.0]]})
    >>> len(batch), batch["embedding"].shape, batch.take([1]).ids.tolist()
    (2, (2, 2), ['b'])
    """

    __slots__ = ("_columns", "_ids", "_numpy", "classes", "refused")

    def __init__(
        self,
        ids: ArrayLike | pa.Array,
        columns: Mapping[str, ArrayLike | pa.Array],
        classes: Sequence[str] = (),
        refused: Sequence[Refusal] = (),
    ) -> None:
        arrow = {name: _arrow(column) for name, column in columns.items()}
        self._ids = _arrow(ids)
        if not pa.types.is_large_string(self._ids.type):
            self._ids = self._ids.cast(pa.large_string())
        self._columns: Mapping[str, pa.Array] = MappingProxyType(arrow)
        self._numpy: dict[str, Array] = {}
        self.classes = tuple(classes)
        self.refused = tuple(refused)
        for name, column in arrow.items():
            if len(column) != len(self):
                raise ValueError(f"{name!r} has {len(column)} rows, ids have {len(self)}")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def __getitem__(self, column: str) -> Array:
        """The column as a read-only numpy array: strings as objects, tensors as (n, ...)."""
        if column not in self._numpy:
            self._numpy[column] = _frozen(_numpy(self.arrow(column)))
        return self._numpy[column]

    def __reduce__(self) -> tuple[Any, ...]:
        return Batch, (self._ids, dict(self._columns), self.classes, self.refused)

    def __repr__(self) -> str:
        return f"Batch({len(self)} rows, columns {sorted(self._columns)})"

    @property
    def ids(self) -> Array:
        """(n,) content ids, as strings."""
        return _numpy(self._ids)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""
        return tuple(self._columns)

    @property
    def keys(self) -> Keys:
        """(n,) the first 64 bits of each content id (of other ids, of their hash)."""
        return _keys(self._ids)

    def arrow(self, column: str) -> pa.Array:
        """The column as Arrow holds it."""
        try:
            return self._columns[column]
        except KeyError:
            raise MissingColumn(column, self._columns) from None

    def arrow_ids(self) -> pa.Array:
        """The ids as Arrow holds them."""
        return self._ids

    def take(self, rows: ArrayLike) -> Batch:
        """The chosen rows, by index or by mask; what was refused stays behind."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        if len(chosen) == len(self) and np.array_equal(chosen, np.arange(len(self))):
            return Batch(self._ids, self._columns, self.classes)
        at = pa.array(chosen.astype(np.int64))
        taken = {name: take(column, at) for name, column in self._columns.items()}
        return Batch(self._ids.take(at), taken, self.classes)

    def having(self, **columns: ArrayLike | pa.Array) -> Batch:
        """The same rows with some columns added or replaced."""
        return Batch(self._ids, {**self._columns, **columns}, self.classes, self.refused)

    def without(self, *columns: str) -> Batch:
        """The same rows with some columns left out."""
        kept = {name: column for name, column in self._columns.items() if name not in columns}
        return Batch(self._ids, kept, self.classes, self.refused)

    def class_name(self, code: int) -> str:
        """What people call a class code.

        >>> Batch([], {}, classes=["ham", "spam"]).class_name(1)
        'spam'
        """
        if code == UNLABELLED:
            return "(no label)"
        return self.classes[code] if 0 <= code < len(self.classes) else str(code)


@runtime_checkable
class Dataset(Protocol):
    """Anything that gives the same batches each time it is walked."""

    def __iter__(self) -> Iterator[Batch]: ...


def content_id(*parts: bytes) -> str:
    """A stable name for a row: the first 128 bits of SHA-256 over its length-framed parts.

    >>> content_id(b"ham", b"hello") == content_id(b"ham", b"hello"), len(content_id())
    (True, 32)
    >>> content_id(b"a", b"bc") == content_id(b"ab", b"c")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:ID_LENGTH]


def concat(batches: Sequence[Batch]) -> Batch:
    """One batch of several that have the same columns."""
    first = batches[0]
    columns = {name: pa.concat_arrays([b.arrow(name) for b in batches]) for name in first.names}
    refused = [refusal for b in batches for refusal in b.refused]
    ids = pa.concat_arrays([b.arrow_ids() for b in batches])
    return Batch(ids, columns, first.classes, refused)


def _arrow(values: ArrayLike | pa.Array) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return _widened(values)
    if isinstance(values, list | tuple) and any(isinstance(one, str | bytes) for one in values[:1]):
        kind = pa.large_string() if isinstance(values[0], str) else pa.large_binary()
        return pa.array(values, kind)  # numpy would pad every string to the longest
    array = np.asarray(values)
    if array.ndim > 1:
        flat = np.ascontiguousarray(array).ravel()  # a side of 1 may have kept a strange stride
        return _tensors(flat.reshape(array.shape))
    return _widened(pa.array(array.tolist() if array.dtype == object else array))


def _tensors(array: Array) -> pa.Array:
    if len(array):
        return pa.FixedShapeTensorArray.from_numpy_ndarray(array)
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(array.dtype), array.shape[1:])
    return pa.ExtensionArray.from_storage(kind, pa.array([], kind.storage_type))


def _widened(array: pa.Array) -> pa.Array:
    if pa.types.is_string(array.type) or pa.types.is_null(array.type):
        return array.cast(pa.large_string())
    return array.cast(pa.large_binary()) if pa.types.is_binary(array.type) else array


def take(column: pa.Array, at: pa.Array) -> pa.Array:
    """The chosen rows of a column, tensors included."""
    if isinstance(column, pa.FixedShapeTensorArray):
        taken = column.storage.take(at)
        return pa.ExtensionArray.from_storage(column.type, taken)
    return column.take(at)


def _numpy(column: pa.Array) -> Array:
    if isinstance(column, pa.FixedShapeTensorArray):
        if not len(column):
            shape = (0, *column.type.shape)
            return np.empty(shape, column.type.value_type.to_pandas_dtype())
        return column.to_numpy_ndarray()
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _frozen(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _keys(ids: pa.Array) -> Keys:
    lengths = np.diff(np.frombuffer(ids.buffers()[1], np.int64)[ids.offset :][: len(ids) + 1])
    if len(ids) and (lengths == ID_LENGTH).all():
        start = int(np.frombuffer(ids.buffers()[1], np.int64)[ids.offset])
        digits = np.frombuffer(ids.buffers()[2], np.uint8, len(ids) * ID_LENGTH, start)
        return _from_hex(digits.reshape(-1, ID_LENGTH)[:, :16])
    hashed = [int(content_id(str(one).encode())[:16], 16) for one in ids.to_pylist()]
    return np.array(hashed, dtype=np.uint64)


def _from_hex(digits: NDArray[np.uint8]) -> Keys:
    nibbles = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0"))
    keys = np.zeros(len(digits), dtype=np.uint64)
    for column in nibbles.T.astype(np.uint64):
        keys = (keys << np.uint64(4)) | column
    return keys
