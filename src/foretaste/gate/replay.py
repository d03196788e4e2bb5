"""All records of a journal through a new gate: does it decide what was decided then?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from foretaste.data import Batch, concat
from foretaste.errors import BadInput, BadRecord
from foretaste.gate.decision import SCHEMA, Decision
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal, versions
from foretaste.gate.journal_rows import SAID, decision_of
from foretaste.gate.keeper_steps import kinds, opened, stood, taken
from foretaste.gate.ruled import Ruled, Window
from foretaste.gate.terms import Terms

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_CLOSE = 1e-9  # relative difference of two scores that are called the same


class Difference(BaseModel):
    """The first thing that came out otherwise.

    sequence: of the record; -1: of a window as a whole; id: of the decision then
    what: "id", "ruling", "window", "scores", "windows" or "records"
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    id: str
    what: str
    then: str
    now: str


class ReplayRecord(BaseModel):
    """What a replay found.

    since: sequence it began with; above 0 where earlier records are no longer kept, and what the
        gate knew by then was taken from a snapshot
    records, windows: that were compared and are the same
    then, now: versions of the software
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    record_schema: int = Field(SCHEMA, alias="schema")
    since: int
    records: int
    windows: int
    difference: Difference | None = None
    then: dict[str, str]
    now: dict[str, str]

    @property
    def same(self) -> bool:
        """Everything came out as it did."""
        return self.difference is None


def replay(
    journal: Journal, trusted: Batch, terms: Terms, stream: Iterable[Batch] | None = None
) -> ReplayRecord:
    """Runs a journal again, up to the first difference; another process may go on writing.

    stream: the records as they were first sent, those once decided left out; the journal's own
        where not given
    Raises `BadInput` where the journal belongs to other trusted rows or terms.
    """
    gate = Gate(trusted, terms)
    with journal.transaction() as told:
        found = journal.gate(told)
        if found is None or found.origin != gate.digest:
            raise BadInput(f"{journal.folder} is no journal of these trusted rows and terms")
        run = _Replay(journal, told, gate, None if stream is None else _Feed(stream))
        step = run.start()
        difference = None
        for row in journal.steps(told, after=step):
            difference = run.step(row)
            if difference:
                break
        return ReplayRecord(
            schema=SCHEMA,
            since=run.since,
            records=run.records,
            windows=run.windows,
            difference=difference,
            then=json.loads(found.versions),
            now=json.loads(versions()),
        )


@dataclass
class _Feed:
    """Records of a stream, so many at a time."""

    stream: Iterable[Batch]
    _rest: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._walk: Iterator[Batch] = iter(self.stream)

    def take(self, n: int) -> Batch | None:
        """The next n; None where there are no more so many."""
        while sum(map(len, self._rest)) < n:
            more = next(self._walk, None)
            if more is None:
                return None
            self._rest.append(more)
        whole = concat(self._rest)
        self._rest = [whole.take(np.arange(n, len(whole)))]
        return whole.take(np.arange(n))


@dataclass
class _Replay:
    journal: Journal
    told: Connection
    gate: Gate
    feed: _Feed | None
    since: int = 0
    records: int = 0
    windows: int = 0

    def start(self) -> int:
        """The step before the first that is kept, and the gate as it then was."""
        if self.journal.whole_after(self.told, 0):
            return 0
        for snapshot in reversed(self.journal.snapshots(self.told)):
            if not self.journal.whole_after(self.told, snapshot.step):
                continue
            try:
                data = self.journal.read("snapshots", snapshot.file)
                self.gate.standing = stood(data, kinds(self.gate))
            except BadRecord:
                continue
            self.since = self.gate.standing.sequence
            return int(snapshot.step)
        raise BadRecord("the first records are no longer kept, and no snapshot is whole")

    def step(self, row: Row[Any]) -> Difference | None:
        """One cut or event."""
        if "packed" not in row._fields:
            return self._over(self._event(row))
        batch = opened(row)
        if self.feed is not None:
            fed = self.feed.take(row.records)
            if fed is None:
                return _differs(row.first, "", "records", "there was one", "the stream has none")
            batch = fed.having(arrived=batch["arrived"])
        ruled = self.gate(batch.without(SAID))
        return self._decisions(ruled) or self._over(ruled.windows)

    def _event(self, row: Row[Any]) -> tuple[Window, ...]:
        if row.kind == "close":
            window = self.gate.close()
            return (window,) if window else ()
        taken(self.journal, self.told, self.gate, row)
        return ()

    def _decisions(self, ruled: Ruled) -> Difference | None:
        first = int(ruled.sequence[0])
        stored = self.journal.rulings(self.told, first, len(ruled))
        for now, row in zip(ruled.decisions(), stored, strict=False):
            difference = _compared(decision_of(row), now)
            if difference:
                return difference
            self.records += 1
        if len(stored) < len(ruled):
            return _differs(first + len(stored), "", "records", "no decision", "a decision")
        return None

    def _over(self, windows: tuple[Window, ...]) -> Difference | None:
        for window in windows:
            now = window.record
            stored = self.journal.windows(self.told, now.window - 1, limit=1)
            then = json.loads(stored[0].record)["id"] if stored else "none"
            if then != now.id:
                return _differs(-1, then, "windows", f"window {now.window}: {then}", now.id)
            self.windows += 1
        return None


def _compared(then: Decision, now: Decision) -> Difference | None:
    for what in ("id", "ruling", "window"):
        one, two = str(getattr(then, what)), str(getattr(now, what))
        if one != two:
            return _differs(then.sequence, then.id, what, one, two)
    if not _alike(then.scores, now.scores):
        return _differs(then.sequence, then.id, "scores", str(then.scores), str(now.scores))
    return None


def _alike(then: dict[str, float | None], now: dict[str, float | None]) -> bool:
    if then.keys() != now.keys():
        return False
    for name, one in then.items():
        two = now[name]
        if one is None or two is None:
            if one is not two:
                return False
        elif not math.isclose(one, two, rel_tol=_CLOSE, abs_tol=_CLOSE):
            return False
    return True


def _differs(sequence: int, id: str, what: str, then: str, now: str) -> Difference:
    return Difference(sequence=sequence, id=id, what=what, then=then, now=now)
