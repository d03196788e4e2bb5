"""Rows once read, kept as Arrow files; encoders add column files beside them.

    FOLDER/rows/00000.arrow      what the reader gave, part by part
    FOLDER/STAGE/00000.arrow     the columns one encoder gave the same part
    FOLDER/STAGE/complete        written last: without it the stage is done again

Files are memory-mapped, written beside and renamed, so an interrupted write leaves nothing
half-done. Nothing here is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import UNLABELLED, Batch, Refusal
from foretaste.errors import BadRecord

ROWS = "rows"


@dataclass
class Spool:
    """A `Dataset` on disk, in parts; its memory does not grow with the rows.

    folder:  where the files are
    classes: names of the label codes, set once all rows are in; None: labels are no classes
    """

    folder: Path
    classes: tuple[str, ...] | None = ()
    parts: int = 0
    rows: int = 0
    stages: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batch, range(self.parts))

    def __len__(self) -> int:
        return self.rows

    def append(self, batch: Batch) -> None:
        """The next part, as the reader gave it."""
        if len(batch):
            write_columns(self._file(ROWS, self.parts), batch, batch.names)
            self.parts, self.rows = self.parts + 1, self.rows + len(batch)

    def extend(self, stage: str, part: int, batch: Batch, columns: tuple[str, ...]) -> None:
        """The columns one encoder gave one part."""
        write_columns(self._file(stage, part), batch, columns)

    def complete(self, stage: str, **facts: Any) -> None:
        """From now on the stage's columns are part of every batch."""
        marker = self.folder / stage / "complete"
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps(facts), encoding="utf-8")
        if stage not in self.stages:
            self.stages.append(stage)

    def facts(self, stage: str) -> dict[str, Any] | None:
        """What was said when the stage was completed, or None when it was not."""
        marker = self.folder / stage / "complete"
        if not marker.exists():
            return None
        try:
            facts: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadRecord(f"{marker} is damaged ({error}); delete {self.folder}") from error
        return facts

    def batch(self, part: int) -> Batch:
        """One part with the columns of every completed stage, labels as class codes."""
        ids, columns = read_columns(self._file(ROWS, part))
        for stage in self.stages:
            columns.update(read_columns(self._file(stage, part))[1])
        if self.classes is None:
            columns.pop("label", None)
        elif "label" in columns and pa.types.is_large_string(columns["label"].type):
            columns["label"] = codes(columns["label"], self.classes)
        return Batch(ids, columns, self.classes or ())

    def remove(self) -> None:
        """Deletes the files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, stage: str, part: int) -> Path:
        return self.folder / stage / f"{part:05d}.arrow"


def codes(labels: pa.Array, classes: tuple[str, ...]) -> pa.Array:
    """(n,) int64 class codes of (n,) label strings; -1 where missing or unknown.

    >>> codes(pa.array(["spam", None, "ham"], pa.large_string()), ("ham", "spam")).to_pylist()
    [1, -1, 0]
    """
    found = pc.index_in(labels, value_set=pa.array(classes, pa.large_string()))
    return pc.fill_null(found.cast(pa.int64()), UNLABELLED)


class Digest:
    """One digest of a whole data set: SHA-256 over its content ids in reading order."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, batch: Batch) -> None:
        """Takes in the next rows, and the refused ones by where and why."""
        self._sha.update("".join(batch.ids.tolist()).encode())
        for refusal in batch.refused:
            self._sha.update(f"!{refusal.index}:{refusal.reason}".encode())

    def hexdigest(self) -> str:
        """Of all rows so far."""
        return self._sha.hexdigest()


def refusals_table(refusals: list[Refusal]) -> pa.Table:
    """index, location, reason of the rows that could not be read."""
    return pa.table(
        {
            "index": pa.array([r.index for r in refusals], pa.int64()),
            "location": pa.array([r.location for r in refusals], pa.string()),
            "reason": pa.array([r.reason for r in refusals], pa.string()),
        }
    )


def write_columns(path: Path, batch: Batch, names: tuple[str, ...]) -> None:
    """Writes ids and some columns as one Arrow file, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [batch.arrow_ids(), *(batch.arrow(name) for name in names)]
    rows = pa.RecordBatch.from_arrays([_plain(c) for c in columns], ["#id", *names])
    partial = path.with_suffix(".partial")
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_batch(rows)
    partial.replace(path)


def read_columns(path: Path) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Ids and columns of such a file, mapped into memory."""
    try:
        rows = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadRecord(f"{path} is damaged ({error}); delete it and scan again") from error
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    return columns.pop("#id"), columns


def _plain(column: pa.Array) -> pa.Array:
    """Without the buffers of a larger array that it was cut from."""
    if isinstance(column, pa.FixedShapeTensorArray):
        return pa.FixedShapeTensorArray.from_numpy_ndarray(
            np.ascontiguousarray(column.to_numpy_ndarray())
        )
    return pa.concat_arrays([column])
