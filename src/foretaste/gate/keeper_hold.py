"""One process's hold on a journal: changes in whole transactions, and the way back."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from json import dumps
from typing import Any, Self

from sqlalchemy import update

from foretaste.errors import BadInput, BadRecord, JournalTaken
from foretaste.gate.decision import SCHEMA
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal, versions
from foretaste.gate.journal_lock import WriterLock
from foretaste.gate.journal_tables import GateRow
from foretaste.gate.journal_view import View
from foretaste.gate.keeper_steps import kinds, resumed
from foretaste.gate.keeper_writing import Keep, Writing
from foretaste.gate.observing import Observers
from foretaste.gate.packing import pack, unpack


class Hold(View):
    """A gate that changes only together with its journal."""

    def __init__(self, journal: Journal, gate: Gate, keep: Keep, name: str) -> None:
        super().__init__(journal)
        self.gate, self.keep, self.name = gate, keep, name
        self.observers = Observers()
        self._origin = pack(gate.standing)
        self._lock = WriterLock(journal.folder, journal.engine)
        self._owner = secrets.token_hex(16)
        self._mutex = threading.RLock()
        self._step = self._taken = 0
        self._stale, self._over = True, False

    def shut(self) -> None:
        """Keeps a snapshot, so that the next start is quick, and lets another process write."""
        with self._mutex:
            try:
                if not self._stale:
                    with self._changing() as writing:
                        writing.snapshot()
            finally:
                self._stale = self._over = True
                self._lock.free()
                self.journal.shut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    @contextmanager
    def _changing(self) -> Iterator[Writing]:
        """One transaction; if it fails, the gate is where it was."""
        with self._mutex:
            if self._over:
                raise BadInput("this keeper was shut; open it again")
            if self._stale:
                self._resume()
            with self.journal.transaction() as told:
                place = (self._step, self._taken)
                writing = Writing(self.journal, told, self.gate, self.keep, *place)
                yield writing
                writing.finish(self._owner)
            self._step, self._taken, self._stale = writing.step, writing.taken, False
            for path in writing.doomed:
                path.unlink(missing_ok=True)

    def _touched(self) -> Gate:
        """The gate, from now on ahead of its journal until all is written."""
        self._stale = True
        return self.gate

    def _begin(self) -> None:
        """Makes the journal this keeper's own."""
        self._lock.take()
        with self.journal.transaction() as told:
            found = self.journal.gate(told)
            if found is None:
                self.journal.write(told, GateRow, [self._new()])
            elif found.origin != self._new()["origin"]:
                raise JournalTaken(
                    f"{self.journal.folder} belongs to a gate with other trusted rows or terms: "
                    f"{found.terms}; open another one"
                )
            else:
                told.execute(update(GateRow).values(owner=self._owner))
            self.journal.sweep(told)
        with self._mutex:
            self._resume()

    def _new(self) -> dict[str, Any]:
        terms = self.gate.terms
        return {
            "id": 1,
            "record_schema": SCHEMA,
            "origin": unpack(self._origin, kinds(self.gate)).chain.hex(),
            "terms": dumps(asdict(terms), default=str),
            "versions": versions(),
            "begun": time.time(),
            "owner": self._owner,
            "step": 0,
            "records": 0,
        }

    def _resume(self) -> None:
        """Where the journal ends; it must still be this keeper's own."""
        self._lock.take()
        with self.journal.transaction() as told:
            found = self.journal.gate(told)
            if found is None or found.owner != self._owner:
                raise JournalTaken("another process took over this journal; this one has to stop")
            self._step, self._taken = resumed(self.journal, told, self.gate, self._origin)
            if (self._step, self.gate.standing.sequence) != (found.step, found.records):
                raise BadRecord(
                    f"the journal speaks of {found.step} steps and {found.records} records, and "
                    f"holds {self._step} and {self.gate.standing.sequence}: it was cut short"
                )
        self._stale = False
