"""One transaction of a keeper: what a gate just did, as rows of its journal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from foretaste.data import Batch
from foretaste.errors import BadRecord, JournalTaken
from foretaste.gate.decision import SCHEMA, Reason, WindowRecord
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal
from foretaste.gate.journal_rows import (
    SAID,
    decision_rows,
    held_row,
    plain,
    reasons_json,
    shown,
)
from foretaste.gate.journal_tables import (
    CutRow,
    DecisionRow,
    EventRow,
    GateRow,
    HeldRow,
    SnapshotRow,
    WindowRow,
)
from foretaste.gate.keeper_steps import opened
from foretaste.gate.packing import pack
from foretaste.gate.ruled import Ruled, Window

_MOVED = (
    update(GateRow)
    .where(GateRow.id == 1, GateRow.owner == bindparam("mine"), GateRow.step == bindparam("before"))
    .values(step=bindparam("step"), records=bindparam("records"))
)


@dataclass(frozen=True)
class Keep:
    """What stays on disk, and for how long.

    windows:   closed windows of which all records stay, for replay; None: of all. Records of a
        window of which one still waits for a person stay longer. Decisions, held records as JSON
        and the files of what learners may have always stay.
    every:     records between two snapshots, which are taken when a window is over; after a crash
        at most so many, and an open window, are judged again
    snapshots: how many of them stay
    """

    windows: int | None = None
    every: int = 10_000
    snapshots: int = 3


@dataclass
class Writing:
    """Rows of one transaction.

    step:  of the last cut or event
    taken: sequence at the last snapshot
    doomed: files to be deleted once all is written
    """

    journal: Journal
    told: Connection
    gate: Gate
    keep: Keep
    step: int
    taken: int
    before: int = field(init=False)
    doomed: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = self.step

    def cut(self, ruled: Ruled, tenant: str, said: Sequence[str]) -> None:
        """Records that were judged together, and the window that was over with them."""
        self.step += 1
        batch = ruled.batch
        if said:
            batch = batch.having(**{SAID: pa.array(map(plain, said), pa.large_string())})
        cut = {
            "step": self.step,
            "window": int(ruled.window[0]),
            "first": int(ruled.sequence[0]),
            "records": len(ruled),
            "packed": pack(batch),
        }
        rows = decision_rows(ruled, tenant, self.step)
        at = ruled.held.nonzero()[0].tolist()
        held = [
            held_row(rows[row], "door", rows[row]["reasons"], text)
            for row, text in zip(at, shown(batch, at), strict=True)
        ]
        self.journal.write(self.told, CutRow, [cut])
        self.journal.write(self.told, DecisionRow, rows)
        self.journal.write(self.told, HeldRow, held)
        for window in ruled.windows:
            self.window(window)

    def event(self, kind: str, by: str, why: str, **body: Any) -> None:
        """Something that happened besides records."""
        self.step += 1
        told = {"kind": kind, "time": time.time(), "by": plain(by), "why": plain(why)}
        told["body"] = json.dumps(body)
        self.journal.write(self.told, EventRow, [{"step": self.step, **told}])

    def window(self, window: Window) -> None:
        """A window that is over: what was pulled, what may be learned, perhaps a snapshot."""
        record = window.record
        self.pulled("window", {one.id: one.reasons for one in record.pulled})
        rows, ids = _learnable(self.gate, window), self._standing_ids(record)
        tables = [_table(rows, ids), *self._released()]
        table = pa.concat_tables(tables, promote_options="default")
        row = {
            "window": record.window,
            "step": self.step,
            "file": self.journal.keep("windows", _file(table, rows.classes)),
            "rows": table.num_rows,
            "record": record.model_dump_json(by_alias=True),
        }
        self.journal.write(self.told, WindowRow, [row])
        if self.gate.standing.sequence - self.taken >= self.keep.every:
            self.snapshot()
        if self.keep.windows is not None:
            self._forget(record.window + 1 - self.keep.windows)

    def snapshot(self) -> None:
        """Keeps all the gate knows, and drops the oldest of what was kept so."""
        standing = self.gate.standing
        file = self.journal.keep("snapshots", pack(self.gate.standing))
        row = {"step": self.step, "window": standing.window, "file": file}
        table = SnapshotRow.__table__
        self.told.execute(delete(SnapshotRow).where(table.c.step == self.step))
        self.journal.write(self.told, SnapshotRow, [row])
        self.taken = standing.sequence
        rows = self.journal.snapshots(self.told)
        old, kept = rows[self.keep.snapshots :], rows[: self.keep.snapshots]
        if old:
            self.told.execute(delete(SnapshotRow).where(table.c.step <= old[0].step))
        names = {row.file for row in kept} | self._rolled_back_to()
        self.doomed += [self.journal.path("snapshots", r.file) for r in old if r.file not in names]

    def reviewed(self, ids: Sequence[str], verdict: str, by: str, why: str) -> None:
        """What a person decided about held records."""
        said = {"verdict": verdict, "by": plain(by), "why": plain(why), "review": self.step}
        for one in ids:
            self.told.execute(update(HeldRow).where(HeldRow.id == one).values(**said))

    def pulled(self, cause: str, why: Mapping[str, Sequence[Reason]]) -> None:
        """Records that were let in and are taken out: decision ids, and what is against each."""
        decisions = self.journal.of(self.told, DecisionRow, why)
        rows = []
        for one, reasons in why.items():
            batch, at = self._record(decisions[one])
            given = decisions[one]._asdict()
            rows.append(held_row(given, cause, reasons_json(reasons), *shown(batch, [at])))
        self.journal.write(self.told, HeldRow, rows)

    def finish(self, owner: str) -> None:
        """Moves the journal on; raises `JournalTaken` where somebody else did."""
        if self.step == self.before:
            return
        records = self.gate.standing.sequence
        said = {"mine": owner, "before": self.before, "step": self.step, "records": records}
        moved = self.told.execute(_MOVED, said)
        if moved.rowcount != 1:
            raise JournalTaken("another process wrote to this journal; this one has to stop")

    def _record(self, decision: Row[Any]) -> tuple[Batch, int]:
        """The cut a record came in, and its row there."""
        cuts = self.journal.cuts(self.told, [decision.cut])
        if decision.cut not in cuts:
            raise BadRecord(f"the record of decision {decision.id} is no longer kept")
        return opened(cuts[decision.cut]), decision.sequence - cuts[decision.cut].first

    def _standing_ids(self, record: WindowRecord) -> list[str]:
        """Ids of the decisions on what still stands of a window, in order."""
        pulled = {one.id for one in record.pulled}
        let_in = self.journal.admitted(self.told, record.first, record.records)
        return [one for one in let_in if one not in pulled]

    def _released(self) -> list[pa.Table]:
        """What people found clean since the last window was over."""
        held, decisions = HeldRow.__table__, DecisionRow.__table__
        last = select(WindowRow.step).order_by(WindowRow.window.desc()).limit(1)
        since = self.told.execute(last).scalar() or 0
        clean = (held.c.review > since, held.c.verdict == "clean")
        query = select(decisions).join(held, held.c.sequence == decisions.c.sequence)
        found = list(self.told.execute(query.where(*clean).order_by(held.c.sequence)))
        tables = []
        for row in found:
            batch, at = self._record(row)
            tables.append(_table(batch.take([at]).without(SAID), [row.id]))
        return tables

    def _rolled_back_to(self) -> set[str]:
        table = EventRow.__table__
        bodies = self.told.execute(select(table.c.body).where(table.c.kind == "rollback"))
        return {json.loads(body)["file"] for (body,) in bodies}

    def _forget(self, window: int) -> None:
        """Deletes records of older windows that nobody waits for and no snapshot starts before."""
        oldest = self.journal.snapshots(self.told)[-1:]
        if not oldest:
            return
        cuts, held, decisions = CutRow.__table__, HeldRow.__table__, DecisionRow.__table__
        since = int(oldest[0].step)
        needed = (
            select(decisions.c.cut)
            .join(held, held.c.sequence == decisions.c.sequence)
            .where(or_(held.c.verdict == "waiting", held.c.review > since))
        )
        old = (cuts.c.window < window, cuts.c.step <= since, cuts.c.step.not_in(needed))
        self.told.execute(delete(CutRow).where(*old))


def _learnable(gate: Gate, window: Window) -> Batch:
    """Without the columns that the gate's own encoders made."""
    made = {column for encoder, _ in gate.prepared.encoders for column in encoder.gives}
    return window.rows.without(*made)


def _table(rows: Batch, ids: list[str]) -> pa.Table:
    columns = [rows.arrow_ids(), *map(rows.arrow, rows.names), pa.array(ids, pa.large_string())]
    return pa.table(columns, ["#id", *rows.names, "#decision"])


def _file(table: pa.Table, classes: tuple[str, ...]) -> bytes:
    told = {"schema": str(SCHEMA), "classes": json.dumps(classes)}
    table = table.replace_schema_metadata(told).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
