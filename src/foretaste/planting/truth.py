"""What was planted, row by row and as a whole: `truth.csv` and `attack.json`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.clean.manifest import FileNote
from foretaste.errors import BadRecord

SCHEMA = 1
TRUTH, ATTACK, DATA = "truth.csv", "attack.json", "data"


@dataclass(frozen=True)
class Truth:
    """One row that the attack touched; what it was before is empty for one that is new.

    index, location, id: of the row in the poisoned data set
    changed: which columns are other, by their roles; "added" for a new row
    """

    index: int
    location: str
    id: str
    was_index: int | None
    was_location: str
    was_id: str
    changed: str


def write_truth(path: Path, rows: Iterable[Truth]) -> None:
    """A line a touched row, in reading order."""
    with path.open("x", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(field.name for field in fields(Truth))
        lines.writerows(map(astuple, rows))


class AttackNote(BaseModel):
    """How it was planted, so that it can be planted again, and what was written."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    attack_schema: int = Field(SCHEMA, alias="schema")
    name: str
    settings: dict[str, Any]  # as the attack had them: class codes, drawn values
    classes: tuple[str, ...]  # names of the class codes
    seed: int
    rows: int  # of the poisoned data set, without those that cannot be read
    touched: int
    added: int
    aim: tuple[dict[str, Any], ...] = ()  # unseen rows that the attack is aimed at
    source: dict[str, Any]  # path, format, roles, rows, fingerprint of the data set attacked
    fingerprint: str  # of the poisoned data set
    notes: tuple[str, ...] = ()
    versions: dict[str, str]
    files: tuple[FileNote, ...]

    @classmethod
    def load(cls, out: Path) -> AttackNote:
        """Reads it back."""
        try:
            return cls.model_validate_json((out / ATTACK).read_bytes())
        except (OSError, ValidationError) as error:
            raise BadRecord(f"{out / ATTACK} cannot be used: {error}") from error

    def save(self, out: Path) -> None:
        """Writes it."""
        text = self.model_dump_json(by_alias=True, indent=2)
        (out / ATTACK).write_text(text + "\n", encoding="utf-8")
