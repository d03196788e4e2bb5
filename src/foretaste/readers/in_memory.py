"""Tables that are in memory already: Arrow, pandas, polars, Hugging Face, torch, arrays, dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.contracts import Source
from foretaste.data import Mask
from foretaste.errors import UnknownFormat, UnreadableInput
from foretaste.files.arrow_pieces import class_names, fresh_rows, of_batch, with_cells
from foretaste.files.pictures import fault
from foretaste.files.pieces import Cells, Changes, Piece
from foretaste.files.tensors import Span, column
from foretaste.roles import open_rows

ROWS, PAIRS = 8_192, 1_024
Batches = Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class InMemory:
    """Reads an Arrow table, a pandas or polars frame, a Hugging Face data set (or dict of them),
    a torch `Dataset` of (x, y) pairs or of dicts, a dict of arrays, or a list of dicts.

    A location is `rows:N`, or `split:N`, counted from 1. Written back, each is a Parquet file.
    A torch `Dataset` must give the same items each time: leave random augmentation out.
    """

    @classmethod
    def claims(cls, path: str) -> float:
        return 0.0  # a path is never in memory

    def open(self, path: Any, roles: Mapping[str, str]) -> Source:
        kind = type(path).__module__.split(".")[0]
        rows = _Held(_parts(path, kind))
        classes = {n: list(f.names) for n, f in _features(path).items() if hasattr(f, "names")}
        named = kind if kind in _TABLES else "memory"
        return open_rows(named, rows, roles, classes or rows.classes())


@dataclass(frozen=True)
class _Nowhere:
    """Stands for the tree of files that a table in memory does not have."""

    url: str = "(in memory)"

    def read(self, name: str, limit: int) -> bytes:
        raise UnreadableInput(f"{name}: a table in memory has no folder to look in")

    def fault(self, image: bytes) -> str:
        return fault(image)


@dataclass(frozen=True)
class _Held:
    parts: Mapping[str, Batches]
    tree: _Nowhere = field(default_factory=_Nowhere)
    notes: dict[str, None] = field(default_factory=dict)

    def classes(self) -> dict[str, list[str]]:
        for batches in self.parts.values():
            for batch in batches():
                return class_names(batch.schema)
        return {}

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[Piece]:
        for part, batches in self.parts.items():
            found = 0
            for batch in batches():
                there = batch.schema.names
                wanted = there if names is None else [name for name in names if name in there]
                piece = of_batch(batch.select(wanted), part, found)
                yield replace(piece, columns=dict(zip(wanted, piece.columns.values(), strict=True)))
                found += len(batch)

    def rewrite(self, out: Path, changes: Changes, added: Sequence[Cells]) -> None:
        index = 0
        out.mkdir(parents=True, exist_ok=True)
        for part, batches in self.parts.items():
            tables = []
            for batch in batches():
                here = {
                    row: changes[index + row] for row in range(len(batch)) if index + row in changes
                }
                index += len(batch)
                tables.append(with_cells(batch, here))
            if added and tables and part == [*self.parts][-1]:
                tables.append(fresh_rows(tables[0].schema, added))
            if tables:
                pq.write_table(pa.Table.from_batches(tables), out / f"{part}.parquet")

    def write(self, out: Path, chosen: Mask) -> None:
        index = 0
        for part, batches in self.parts.items():
            writer = None
            for batch in batches():
                some = chosen[index : index + len(batch)]
                index += len(batch)
                if writer is None:
                    out.mkdir(parents=True, exist_ok=True)
                    writer = pq.ParquetWriter(out / f"{part}.parquet", batch.schema)
                writer.write_batch(_only(batch, some))
            if writer is not None:
                writer.close()


def _only(batch: pa.RecordBatch, some: Mask) -> pa.RecordBatch:
    at = pa.array(np.flatnonzero(some))
    return pa.RecordBatch.from_arrays(
        [_taken(values, at) for values in batch.columns], schema=batch.schema
    )


def _taken(values: pa.Array, at: pa.Array) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        return pa.ExtensionArray.from_storage(values.type, values.storage.take(at))
    return values.take(at)


def _parts(given: Any, kind: str) -> Mapping[str, Batches]:
    if kind == "datasets" and isinstance(given, Mapping):
        return {str(split): _hugging_face(one) for split, one in given.items()}
    if kind in _TABLES:
        return {"rows": _TABLES[kind](given)}
    if isinstance(given, Mapping):
        return {"rows": _table(_of_columns(given))}
    if isinstance(given, Sequence) and given and isinstance(given[0], Mapping):
        names = list(dict.fromkeys(name for row in given for name in row))
        return {"rows": _table(_of_columns({n: [row.get(n) for row in given] for n in names}))}
    if hasattr(given, "__getitem__") or hasattr(given, "__iter__"):
        return {"rows": lambda: _of_items(given)}
    raise UnknownFormat(
        f"cannot read a {type(given).__name__}; give a path, a table, a frame or a data set"
    )


def _features(given: Any) -> Mapping[str, Any]:
    one = next(iter(given.values()), None) if isinstance(given, Mapping) else given
    features = getattr(one, "features", None)
    return features if isinstance(features, Mapping) else {}


def _table(table: pa.Table) -> Batches:
    return lambda: iter(table.to_batches(ROWS))


def _arrow(given: Any) -> Batches:
    if isinstance(given, pa.RecordBatch):
        given = pa.Table.from_batches([given])
    if not isinstance(given, pa.Table):
        raise UnknownFormat(f"a pyarrow {type(given).__name__} can be read only once; give a Table")
    return _table(given)


def _pandas(given: Any) -> Batches:
    frame = given.to_frame() if hasattr(given, "to_frame") else given
    return _table(_of_columns({str(name): _series(frame[name]) for name in frame.columns}))


def _series(values: Any) -> Any:
    if values.dtype == object:
        return values.where(values.notna(), None).tolist()
    return pa.array(values, from_pandas=True)


def _polars(given: Any) -> Batches:
    frame = given.collect() if hasattr(given, "collect") else given
    return _table(frame.to_arrow())


def _hugging_face(given: Any) -> Batches:
    def batches() -> Iterator[pa.RecordBatch]:
        for table in given.with_format("arrow").iter(ROWS):
            yield from table.combine_chunks().to_batches()

    return batches


def _of_columns(columns: Mapping[Any, Any], spans: dict[str, Span] | None = None) -> pa.Table:
    arrays = {str(name): column(values, spans, str(name)) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise UnreadableInput(f"columns of different lengths: {lengths}")
    return pa.table(arrays)


def _of_items(given: Any) -> Iterator[pa.RecordBatch]:
    """Pairs (x, y), or dicts, stacked some at a time."""
    items = iter(given) if hasattr(given, "__iter__") else map(given.__getitem__, range(len(given)))
    spans: dict[str, Span] = {}
    while some := list(islice(items, PAIRS)):
        if isinstance(some[0], Mapping):
            columns = {str(name): [item[name] for item in some] for name in some[0]}
        else:
            tuples = [item if isinstance(item, tuple | list) else (item,) for item in some]
            names = ["x", "y", *(f"z{i}" for i in range(1, 9))]
            columns = dict(zip(names, map(list, zip(*tuples, strict=True)), strict=False))
        yield from _of_columns(columns, spans).to_batches()


_TABLES: Mapping[str, Callable[[Any], Batches]] = {
    "pyarrow": _arrow,
    "pandas": _pandas,
    "polars": _polars,
    "datasets": _hugging_face,
}
