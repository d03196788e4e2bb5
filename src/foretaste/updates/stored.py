"""The windows of a gate's journal, as those who learn from them see them.

FOLDER/windows/<sha256>.arrow   may be learned from
FOLDER/aside/<sha256>.arrow     was; moved there when an update was undone
FOLDER/updates/                 the history of updates, and their models
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from foretaste.data import Batch
from foretaste.durable import sync_folder
from foretaste.errors import BadRecord
from foretaste.gate.decision import Reason
from foretaste.gate.journal_view import View
from foretaste.gate.ruled import Window
from foretaste.updates.history import History
from foretaste.updates.record import Found

ASIDE, UPDATES = "aside", "updates"
DECISION = "#decision"


@dataclass(frozen=True)
class StoredWindows:
    """Windows that are over, of a journal that this or another process writes.

    classes: names of the label codes: those of the trusted rows
    """

    view: View
    classes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the files of the journal are."""
        return Path(self.view.journal.folder)

    @property
    def history(self) -> History:
        """Of the updates that learned from these windows."""
        return History(self.folder / UPDATES)

    def digests(self) -> list[str]:
        """Of windows in which something stood, oldest first."""
        return list(dict.fromkeys(one.file.stem for one in self.view.windows() if one.rows))

    def number(self, digest: str) -> int:
        """Of the first window with that content."""
        return next(one.record.window for one in self.view.windows() if one.file.stem == digest)

    def rows(self, digest: str) -> Batch:
        """What stood; raises `BadRecord` where the file is gone, or not as it was written."""
        table = self._table(digest)
        columns = {
            name: table.column(name).combine_chunks()
            for name in table.column_names
            if name not in ("#id", DECISION)
        }
        return Batch(table.column("#id").combine_chunks(), columns, self.classes)

    def decisions(self, found: Iterable[Found]) -> dict[str, list[Reason]]:
        """Id of each decision that let in a record found bad -> what is held against it."""
        why: dict[tuple[str, str], list[Reason]] = {}
        for one in found:
            names = ", ".join(one.detectors)
            said = [Reason(check=names, surprise=None, text=one.reason)]
            why[one.window, one.record] = said
        told: dict[str, list[Reason]] = {}
        for digest in dict.fromkeys(window for window, _ in why):
            table = self._table(digest).select(["#id", DECISION])
            for row in table.to_pylist():
                if (digest, row["#id"]) in why:
                    told[row[DECISION]] = why[digest, row["#id"]]
        return told

    def _table(self, digest: str) -> pa.Table:
        journal = self.view.journal
        with pa.ipc.open_file(io.BytesIO(journal.read("windows", digest))) as file:
            table = file.read_all().combine_chunks()
        if not {"#id", DECISION} <= set(table.column_names):
            raise BadRecord(f"{journal.path('windows', digest)} holds no rows of a window")
        return table

    def over(self) -> Iterator[Window]:
        """Every window in order, as whoever watches a gate is told of it: with what stood."""
        for one in self.view.windows():
            if one.rows and one.file.exists():
                rows = self.rows(one.file.stem)
                yield Window(rows, rows.take([]), one.record)

    def set_aside(self, digests: Sequence[str]) -> int:
        """Moves files where nothing learns from them; one that was moved before is left there."""
        aside = self.folder / ASIDE
        aside.mkdir(exist_ok=True)
        rows = {one.file.stem: one.rows for one in self.view.windows()}
        for digest in digests:
            path = self.view.journal.path("windows", digest)
            if path.exists():
                path.replace(aside / path.name)
        sync_folder(aside)
        return sum(rows[digest] for digest in digests)
