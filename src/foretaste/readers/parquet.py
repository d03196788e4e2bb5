"""Parquet files; also folders and globs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foretaste.contracts import Source
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files import Entry, Limits, head, kind_of, share, tree
from foretaste.files.arrow_set import ArrowSet
from foretaste.roles import open_rows

KINDS = (".parquet", ".pq")
MAGIC = b"PAR1"
ROWS = 8_192
_FOOTER = 64 << 20  # bytes of metadata at the end of a file


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
        rows = ArrowSet(tree(path, lambda name: kind_of(name) in KINDS), _open, self.limits)
        return open_rows("parquet", rows, roles, rows.classes())


@dataclass(frozen=True)
class _Opened:
    file: pq.ParquetFile

    @property
    def schema(self) -> pa.Schema:
        return self.file.schema_arrow

    def batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        yield from self.file.iter_batches(ROWS, columns=names, use_threads=False)

    def writer(self, path: Path) -> Any:
        return pq.ParquetWriter(path, self.schema, compression=self._packing())

    def _packing(self) -> str:
        meta = self.file.metadata
        if not (meta.num_row_groups and meta.num_columns):
            return "snappy"
        packing = str(meta.row_group(0).column(0).compression)
        return packing.replace("UNCOMPRESSED", "NONE")


def _open(stream: Any, entry: Entry, limits: Limits) -> _Opened:
    """The opened file, once its own metadata keeps the limits."""
    if entry.size < 12:
        raise UnreadableInput("cut off" if entry.size else "empty")
    stream.seek(entry.size - 8)
    length, magic = int.from_bytes(stream.read(4), "little"), stream.read(4)
    stream.seek(0)
    if magic != MAGIC:
        raise UnreadableInput(f"cut off: a Parquet file ends in {MAGIC!r}")
    if length > _FOOTER:
        raise UnsafeInput(f"{entry.name} claims {length:,} bytes of metadata")
    file = pq.ParquetFile(stream, pre_buffer=False)
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    if sum(g.total_byte_size for g in groups) > max(limits.free, limits.expansion * entry.size):
        raise UnsafeInput(f"{entry.name} expands more than {limits.expansion:g} times")
    return _Opened(file)
