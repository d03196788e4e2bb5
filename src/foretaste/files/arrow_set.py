"""A data set of files that hold Arrow tables, as rows and back: what Parquet and IPC share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from foretaste.data import Mask
from foretaste.errors import BadInput, UnreadableInput, UnsafeInput
from foretaste.files.arrow_pieces import class_names, fresh_rows, of_batch, with_cells
from foretaste.files.pieces import Cells, Changes, Piece, only_refused
from foretaste.files.streams import Limits
from foretaste.files.tree import Entry, Tree

# what Arrow raises over a file that is damaged; a bent length asks for more memory than there is
_BROKEN = (
    pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError, MemoryError,
)  # fmt: skip


class Opened(Protocol):
    """One file, its schema read. Whatever Arrow raises is about the file."""

    @property
    def schema(self) -> pa.Schema: ...

    def batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """A few thousand rows at a time; only the named columns that are there, or all."""

    def writer(self, path: Path) -> Any:
        """A file like this one: `write_batch`, `close`."""


class Opener(Protocol):
    """Opens one file of a format; raises `UnreadableInput` or `UnsafeInput`."""

    def __call__(self, stream: Any, entry: Entry, limits: Limits) -> Opened: ...


@dataclass(frozen=True)
class ArrowSet:
    """The rows of all files of a tree; a location is `file:row`, counted from 1.

    hollow: a file of which no row is chosen is written all the same
    """

    tree: Tree
    opener: Opener
    limits: Limits = field(default_factory=Limits)
    hollow: bool = False
    notes: dict[str, None] = field(default_factory=dict)

    def classes(self) -> Mapping[str, Sequence[str]]:
        """Column -> class names, by the first file that opens."""
        for entry in self.tree.entries:
            try:
                with self.tree.open(entry) as stream:
                    return class_names(self._opened(stream, entry).schema)
            except UnreadableInput:
                continue
        return {}

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[Piece]:
        """Every row found, file by file; only the named columns, or all."""
        for entry in self.tree.entries:
            found, reason = 0, ""
            with self.tree.open(entry) as stream:
                try:
                    for batch in self._batches(self._opened(stream, entry), names):
                        yield of_batch(batch, entry.name, found)
                        found += len(batch)
                except UnreadableInput as error:
                    reason = str(error)
            if reason or not (found or self.hollow):
                yield self._nothing_more(entry, reason or "no rows in it")
        for link in self.tree.refused:
            yield only_refused(link.location, link.reason)

    def write(self, out: Path, chosen: Mask) -> None:
        """The chosen rows in files of the same names, schema and metadata under `out`."""
        index = 0
        for entry in self.tree.entries:
            start, cut = index, False
            try:
                with self.tree.open(entry) as stream:
                    for count in self._copied(stream, entry, out, chosen[start:]):
                        index = start + count
            except UnreadableInput:
                cut = True
            if cut or not (index > start or self.hollow):
                index += 1  # the refusal of what could not be read

    def rewrite(self, out: Path, changes: Changes, added: Sequence[Cells]) -> None:
        """All rows, some with other values, and new ones at the end of the last file."""
        index = 0
        for entry in self.tree.entries:
            last = entry is self.tree.entries[-1]
            with self.tree.open(entry) as stream:
                try:
                    opened = self._opened(stream, entry)
                    index += self._edited(
                        opened, out / entry.name, changes, index, added if last else ()
                    )
                except UnreadableInput as error:
                    why = f"{entry.name}: {error}; mend it first, then change it"
                    raise BadInput(why) from error

    def _edited(
        self, opened: Opened, path: Path, changes: Changes, start: int, added: Sequence[Cells]
    ) -> int:
        """Writes one file again; how many rows it had, as refusals count."""
        writer, count = _new(opened, path), 0
        try:
            for batch in self._batches(opened, None):
                first = start + count
                count += len(batch)
                here = {i - first: changes[i] for i in range(first, start + count) if i in changes}
                writer.write_batch(with_cells(batch, here) if here else batch)
            if added:
                writer.write_batch(fresh_rows(opened.schema, added))
        except pa.ArrowException as error:
            raise BadInput(f"{path.name} cannot hold the new values: {_line(error)}") from error
        finally:
            writer.close()
        return count or int(not self.hollow)

    def _copied(self, stream: Any, entry: Entry, out: Path, chosen: Mask) -> Iterator[int]:
        """How many rows have been seen, batch by batch."""
        opened, count, path, writer = self._opened(stream, entry), 0, out / entry.name, None
        try:
            for batch in self._batches(opened, None):
                some = chosen[count : count + len(batch)]
                count += len(batch)
                if some.any():
                    writer = writer or _new(opened, path)
                    writer.write_batch(batch.filter(pa.array(some)))
                yield count
            if self.hollow and writer is None:
                writer = _new(opened, path)
        finally:
            if writer is not None:
                writer.close()

    def _opened(self, stream: Any, entry: Entry) -> Opened:
        try:
            opened = self.opener(stream, entry, self.limits)
            columns = len(opened.schema.names)
        except _BROKEN as error:
            raise UnreadableInput(f"cut off or broken: {_line(error)}") from error
        if columns > self.limits.columns:
            raise UnsafeInput(f"{entry.name} has {columns:,} columns")
        return opened

    def _batches(self, opened: Opened, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        present = set(opened.schema.names)
        wanted = None if names is None else [name for name in names if name in present]
        try:
            yield from opened.batches(wanted)
        except _BROKEN as error:
            raise UnreadableInput(f"cut off or broken: {_line(error)}") from error

    def _nothing_more(self, entry: Entry, reason: str) -> Piece:
        if self.tree.single:
            raise UnreadableInput(f"{entry.name}: {reason}")
        return only_refused(entry.name, reason)


def _new(opened: Opened, path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    return opened.writer(path)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
