"""Parquet files; also folders and globs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.contracts import Source
from foretaste.data import Mask
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files import Entry, Limits, Piece, Tree, head, kind_of, share, tree
from foretaste.files.arrow_pieces import class_names, of_batch
from foretaste.files.pieces import only_refused
from foretaste.roles import open_rows

KINDS = (".parquet", ".pq")
MAGIC = b"PAR1"
ROWS = 8_192
_FOOTER = 256 << 20  # bytes of metadata at the end of a file


@dataclass(frozen=True)
class Parquet:
    """Reads Parquet, a few thousand rows at a time; a location is `file:row`, counted from 1.

    Class names of Hugging Face `ClassLabel` columns are taken from the file.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = head(path, 4)
        if not first:
            return 0.85 * share(path, KINDS) or 0.6 * (kind_of(path) in KINDS)
        return 1.0 if first == MAGIC else 0.3 * (kind_of(path) in KINDS)

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        rows = _ParquetSet(tree(path, lambda name: kind_of(name) in KINDS), self.limits)
        return open_rows("parquet", rows, roles, rows.classes())


@dataclass(frozen=True)
class _ParquetSet:
    tree: Tree
    limits: Limits
    notes: dict[str, None] = field(default_factory=dict)

    def classes(self) -> dict[str, list[str]]:
        for entry in self.tree.entries:
            try:
                with self.tree.open(entry) as stream:
                    return class_names(_file(stream, entry, self.limits).schema_arrow)
            except UnreadableInput:
                continue
        return {}

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[Piece]:
        for entry in self.tree.entries:
            found, reason = 0, ""
            with self.tree.open(entry) as stream:
                try:
                    for batch in _batches(_file(stream, entry, self.limits), names):
                        yield of_batch(batch, entry.name, found)
                        found += len(batch)
                except UnreadableInput as error:
                    reason = str(error)
            if reason or not found:
                yield self._nothing_more(entry, reason or f"{entry.name}: no rows in it")
        for link in self.tree.refused:
            yield only_refused(link.location, link.reason)

    def write(self, out: Path, chosen: Mask) -> None:
        index = 0
        for entry in self.tree.entries:
            start = index
            try:
                with self.tree.open(entry) as stream:
                    file = _file(stream, entry, self.limits)
                    index = _copy(file, out / entry.name, chosen, index)
            except UnreadableInput:
                index += 1
            else:
                index += index == start
            if index - start != len(chosen[start:index]):
                raise UnreadableInput(f"{entry.name} has changed since it was read")

    def _nothing_more(self, entry: Entry, reason: str) -> Piece:
        if self.tree.single:
            raise UnreadableInput(reason)
        return only_refused(entry.name, reason)


def _file(stream: Any, entry: Entry, limits: Limits) -> pq.ParquetFile:
    """The opened file, once its own metadata keeps the limits."""
    _check_footer(stream, entry, limits)
    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInput(f"{entry.name}: {_line(error)}") from error
    meta = file.metadata
    groups = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
    if sum(groups) > max(limits.free, limits.expansion * entry.size):
        raise UnsafeInput(f"{entry.name} expands more than {limits.expansion:g} times")
    return file


def _check_footer(stream: Any, entry: Entry, limits: Limits) -> None:
    if entry.size < 12:
        raise UnreadableInput(f"{entry.name}: {'empty' if not entry.size else 'cut off'}")
    stream.seek(entry.size - 8)
    length, magic = int.from_bytes(stream.read(4), "little"), stream.read(4)
    stream.seek(0)
    if magic != MAGIC:
        raise UnreadableInput(f"{entry.name}: cut off: a Parquet file ends in {MAGIC!r}")
    if length > min(_FOOTER, entry.size):
        raise UnsafeInput(f"{entry.name} claims {length:,} bytes of metadata")


def _batches(file: pq.ParquetFile, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    present = file.schema_arrow.names
    columns = None if names is None else [name for name in names if name in present]
    try:
        yield from file.iter_batches(ROWS, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInput(f"broken: {_line(error)}") from error


def _copy(file: pq.ParquetFile, path: Path, chosen: Mask, index: int) -> int:
    packing = _packing(file)
    writer = None
    try:
        for batch in _batches(file, None):
            some = chosen[index : index + len(batch)]
            index += len(batch)
            if some.any():
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = writer or pq.ParquetWriter(path, file.schema_arrow, compression=packing)
                writer.write_batch(batch.filter(pa.array(some)))
    finally:
        if writer:
            writer.close()
    return index


def _packing(file: pq.ParquetFile) -> str:
    meta = file.metadata
    if not (meta.num_row_groups and meta.num_columns):
        return "snappy"
    return str(meta.row_group(0).column(0).compression).replace("UNCOMPRESSED", "NONE")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
