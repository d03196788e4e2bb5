"""Arrow IPC files and streams, Feather among them; also folders and globs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from foretaste.contracts import Source
from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files import Entry, Limits, head, kind_of, share, tree
from foretaste.files.arrow_pieces import is_only_text
from foretaste.files.arrow_set import ArrowSet
from foretaste.roles import open_rows

KINDS = (".arrow", ".feather", ".ipc", ".arrows")
FILE, STREAM = b"ARROW1\0\0", b"\xff\xff\xff\xff"
ROWS = 8_192
_SCHEMA = 64 << 20  # bytes of the first message


@dataclass(frozen=True)
class ArrowFile:
    """Reads Arrow IPC, batch by batch; a location is `file:row`, counted from 1."""

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = head(path, 8)
        if not first:
            return 0.8 * share(path, KINDS) or 0.6 * (kind_of(path) in KINDS)
        if first == FILE:
            return 1.0
        return (0.9 if first.startswith(STREAM) else 0.3) * (kind_of(path) in KINDS)

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        rows = ArrowSet(tree(path, lambda name: kind_of(name) in KINDS), open_ipc, self.limits)
        return open_rows("arrow", rows, roles, rows.classes())


@dataclass(frozen=True)
class _Opened:
    reader: Any
    entry: Entry
    limits: Limits

    @property
    def schema(self) -> pa.Schema:
        return self.reader.schema

    def batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for batch in self._whole():
            _check(batch)
            most = max(self.limits.free, self.limits.expansion * self.entry.size)
            if batch.get_total_buffer_size() > most:
                raise UnsafeInput(f"{self.entry.name} expands too far")
            some = batch if names is None else batch.select(names)
            for start in range(0, len(some), ROWS):
                yield some.slice(start, ROWS)

    def writer(self, path: Path) -> Any:
        if isinstance(self.reader, pa.ipc.RecordBatchFileReader):
            options = pa.ipc.IpcWriteOptions(unify_dictionaries=True)
            return pa.ipc.new_file(path, self.schema, options=options)
        return pa.ipc.new_stream(path, self.schema)

    def _whole(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self.reader, pa.ipc.RecordBatchFileReader):
            yield from map(self.reader.get_batch, range(self.reader.num_record_batches))
        else:
            yield from self.reader


def _check(batch: pa.RecordBatch) -> None:
    """Arrow trusts offsets that a hostile file may have bent, so they are checked first."""
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if pa.types.is_nested(column.type) or not is_only_text(error):
                raise


def open_ipc(stream: Any, entry: Entry, limits: Limits) -> _Opened:
    """An IPC file or stream, told apart by its first bytes."""
    first = stream.read(8)
    stream.seek(0)
    if not first:
        raise UnreadableInput("empty")
    if first == FILE:
        return _Opened(pa.ipc.open_file(stream), entry, limits)
    if first[:4] == STREAM and int.from_bytes(first[4:], "little") > _SCHEMA:
        raise UnsafeInput(f"{entry.name} claims a schema of more than {_SCHEMA:,} bytes")
    return _Opened(pa.ipc.open_stream(stream), entry, limits)
