"""What anybody may see of a journal, also while another process writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foretaste.gate.decision import Decision, WindowRecord
from foretaste.gate.journal import Journal
from foretaste.gate.journal_rows import Held, Verdict, decision_of, held_of
from foretaste.gate.journal_tables import DecisionRow


@dataclass(frozen=True)
class Kept:
    """A window that is over, and the file of what a learner may have of it.

    file: Arrow rows; rows: how many, with those that people found clean meanwhile
    """

    record: WindowRecord
    file: Path
    rows: int


class View:
    """Reads a journal."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def held(
        self,
        verdict: Verdict = "waiting",
        after: int = -1,
        limit: int = 100,
        tenant: str | None = None,
    ) -> tuple[Held, ...]:
        """Held records, oldest first, those after a sequence."""
        with self.journal.transaction() as told:
            rows = self.journal.held(told, verdict, after, limit, tenant)
        return tuple(held_of(row, decision) for row, decision in rows)

    def decision(self, id: str) -> Decision | None:
        """The decision with this id."""
        with self.journal.transaction() as told:
            found = self.journal.of(told, DecisionRow, [id])
        return decision_of(found[id]) if found else None

    def windows(self, after: int = -1) -> tuple[Kept, ...]:
        """Windows that are over, oldest first, those after a number."""
        with self.journal.transaction() as told:
            rows = self.journal.windows(told, after)
        return tuple(
            Kept(
                WindowRecord.model_validate_json(row.record),
                self.journal.path("windows", row.file),
                row.rows,
            )
            for row in rows
        )
