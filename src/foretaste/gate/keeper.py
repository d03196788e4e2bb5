"""A gate that forgets nothing: what it decided is on disk before anybody hears of it.

    with Keeper.open("gate/", trusted, Terms()) as keeper:
        decisions = keeper.submit(batch, tenant="shop", said=lines)

Send a record again until its decision comes back: with a key of its own it is decided once. After
a crash, a full disk or a restart of the database the gate goes on where the journal ends, with the
decisions it would have made anyway; what is on disk stands in `journal`.

A learner takes its rows from `keeper.windows()`: each closed window names a file of Arrow rows,
`#id`, the columns as they were submitted, and `#decision`, the id of the decision on each row.
Those that people found clean come with the window that was open when they said so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.gate.decision import Decision, Reason, WindowRecord
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal
from foretaste.gate.journal_rows import (
    Held,
    held_of,
    stored_key,
    texts,
)
from foretaste.gate.journal_tables import DecisionRow, HeldRow
from foretaste.gate.keeper_hold import Hold
from foretaste.gate.keeper_keys import answers, unseen, waiting
from foretaste.gate.keeper_steps import ended, heed, rolled_back, rows_of
from foretaste.gate.keeper_writing import Keep
from foretaste.gate.packing import pack
from foretaste.gate.ruled import Ruled
from foretaste.gate.terms import Terms


class Keeper(Hold):
    """A gate and its journal; one process a journal, any number of threads.

    observers: are told what was decided, once it is written down
    name: what they hear the gate is called
    """

    @classmethod
    def open(
        cls,
        at: str | Path,
        trusted: Batch,
        terms: Terms | None = None,
        keep: Keep | None = None,
        folder: str | Path | None = None,
    ) -> Self:
        """Goes on where the journal ends, or begins it.

        at:     a folder, or the URL of a database; folder: of the files, where `at` has none
        Raises `JournalTaken` where another process has it, or it belongs to other trusted rows
        or terms; `BadRecord` where the same records would now be decided otherwise.
        """
        gate = Gate(trusted, terms)
        journal = Journal.open(at, folder)
        keeper = cls(journal, gate, keep or Keep(), Path(journal.folder).resolve().name)
        try:
            keeper._begin()
        except BaseException:
            keeper._lock.free()
            journal.shut()
            raise
        return keeper

    def submit(
        self, batch: Batch, tenant: str = "", said: Sequence[str] = ()
    ) -> tuple[Decision, ...]:
        """Decides on records, writes it down, and only then says what was decided.

        batch: as a `Gate` takes it, `key` being what the sender calls each record; all batches of
            a window have the same columns
        said:  each record as it came, as JSON, to be shown to people
        A key that came before gets the decision it got then. Raises `KeyReused` where it came with
        another record, and then decides nothing; `NotDurable` where nothing could be written: then
        nothing was acknowledged, and the records may be sent again.
        """
        keys = [stored_key(key) for key in texts(batch, "key")]
        parts: list[tuple[Ruled, float]] = []
        with self._changing() as writing:
            self._same_columns(batch)
            before = self.journal.decided(writing.told, tenant, {key for key in keys if key})
            fresh = unseen(batch, keys, before)
            texted = [said[row] for row in fresh] if said else []
            new = batch if len(fresh) == len(batch) else batch.take(fresh)
            for part in self._parts(new):
                started = time.perf_counter()
                ruled = self._touched()(part)
                parts.append((ruled, time.perf_counter() - started))
                writing.cut(ruled, tenant, texted[: len(part)])
                texted = texted[len(part) :]
        for ruled, seconds in parts:
            self._tell(ruled, seconds)
        made = (one for ruled, _ in parts for one in ruled.decisions())
        return answers(batch, before, dict(zip(fresh, made, strict=True)))

    def close_window(self, by: str = "", why: str = "") -> WindowRecord | None:
        """Ends the open window before it is full; None where it has no record."""
        with self._changing() as writing:
            if not self.gate.standing.size:
                return None
            window = self._touched().close()
            writing.event("close", by, why)
            if window is not None:
                writing.window(window)
        if window is None:
            return None
        self.observers.on_window(self.name, window)
        self._tell_backlog()
        return window.record

    def review(
        self, ids: Sequence[str], verdict: Literal["clean", "poison"], by: str, why: str = ""
    ) -> tuple[Held, ...]:
        """What a person decided about held records; what is clean is let in with the open window.

        ids: of decisions. Raises `BadInput` where one is not held, or was found otherwise before.
        """
        with self._changing() as writing:
            held = self.journal.of(writing.told, HeldRow, ids)
            new = [row.id for row in waiting(held, ids, verdict)]
            rows = self.journal.of(writing.told, DecisionRow, new)
            if rows:
                clean = verdict == "clean"
                places = self.journal.places(writing.told, list(rows.values()))
                heed(self._touched(), rows_of(self.journal, writing.told, places), clean)
                writing.event("heed", by, why, places=places, clean=clean)
                writing.reviewed(new, verdict, by, why)
            told = self.journal.of(writing.told, HeldRow, ids)
            decisions = self.journal.of(writing.told, DecisionRow, ids)
        self._tell_backlog()
        return tuple(held_of(told[one], decisions[one]) for one in ids)

    def pull_back(
        self, why: Mapping[str, Sequence[Reason]], by: str, note: str = ""
    ) -> tuple[Held, ...]:
        """Has people look at records that were let in and look wrong by now.

        why: id of a decision -> what is held against the record. Nothing changes for the gate
        before a person says what they are; who learned from them is found by their windows.
        """
        with self._changing() as writing:
            rows = self.journal.of(writing.told, DecisionRow, why)
            held = self.journal.of(writing.told, HeldRow, why)
            for one in why:
                if one not in rows or rows[one].ruling != "admit" or one in held:
                    raise BadInput(f"{one} is not the decision on a record that was let in")
            writing.pulled("pullback", why)
            writing.event("pullback", by, note, ids=list(why))
            told = self.journal.of(writing.told, HeldRow, why)
        self._tell_backlog()
        return tuple(held_of(told[one], rows[one]) for one in why)

    def roll_back(self, window: int, by: str, why: str) -> None:
        """Makes all checks know what they knew when a window was over, and nothing since.

        window: -1: what they knew before the first record

        Decisions, held records and windows stay as they are; which of them a learner has to forget
        is said by their numbers.
        """
        with self._changing() as writing:
            if not -1 <= window < self.gate.standing.window:
                raise BadInput(
                    f"window {window} is not over; the open one is number "
                    f"{self.gate.standing.window}"
                )
            before = ended(self.journal, writing.told, self._touched(), self._origin, window)
            file = self.journal.keep("snapshots", pack(before))
            rolled_back(self.gate, before)
            writing.event("rollback", by, why, file=file, window=window)

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        """Cut where windows end."""
        at = 0
        while at < len(batch):
            room = self.gate.terms.window - self.gate.standing.size
            whole = not at and len(batch) <= room
            part = batch if whole else batch.take(np.arange(at, min(at + room, len(batch))))
            yield part
            at += len(part)

    def _same_columns(self, batch: Batch) -> None:
        """What is learned from together has to have the same columns."""
        rows = self.gate.standing.rows
        if not rows or not len(batch):
            return
        made = {c for encoder, _ in self.gate.prepared.encoders for c in encoder.gives}
        added = {"arrived", *((made | {"source"}) - set(batch.names))}
        wanted, found = (
            {name: one.arrow(name).type for name in one.names if name not in added}
            for one in (rows[0], batch)
        )
        if found != wanted:
            raise BadInput(f"columns {found}; the open window's records have {wanted}")

    def _tell(self, ruled: Ruled, seconds: float) -> None:
        self.observers.saw(self.name, ruled, seconds)
        if ruled.windows:
            self._tell_backlog()

    def _tell_backlog(self) -> None:
        if self.observers.observers:
            with self.journal.transaction() as told:
                self.observers.on_backlog(self.name, self.journal.waiting(told))
