"""What an inspection writes down: small, frozen, versioned; the only thing its page reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.errors import BadRecord
from foretaste.record import Verdict
from foretaste.trained import Severity

SCHEMA = 1
NAME = "inspection.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Suspected(_Record):
    """One inspector's reason to mistrust one part of a model."""

    inspector: str
    file: str = ""  # inside the folder; "" for the model as a whole
    part: str
    severity: Severity
    reason: str
    score: float | None = None  # higher is worse; None for a plain fact
    p_value: float | None = None
    picture: str = ""  # a PNG in base64: a trigger as it was recovered


class InspectorRun(_Record):
    """How one inspector did."""

    name: str
    settings: dict[str, Any]
    status: Literal["ran", "failed", "skipped"]
    detail: str = ""  # why it failed or was skipped
    files: int = 0  # that it was given one by one
    seconds: float = 0.0
    suspicions: int = 0


class Inspection(_Record):
    """One inspection, whole; `inspection.json`."""

    record_schema: int = Field(SCHEMA, alias="schema")
    verdict: Verdict
    path: str
    format: str
    files: int
    bytes: int
    sha256: str  # of the file; of a folder, of the lines that sha256sum prints for its files
    opened: str  # what was opened as a model, or why none was
    classes: tuple[str, ...] = ()
    rows: int = 0  # that were given beside the model
    inspectors: tuple[InspectorRun, ...]
    suspicions: tuple[Suspected, ...] = ()
    left_out: int = 0  # suspicions beyond those written down
    versions: dict[str, str]
    seed: int
    started: str  # UTC, ISO 8601
    finished: str


def verdict_of(severities: set[Severity]) -> Verdict:
    """What the worst of the suspicions makes of a model; a note alone leaves it clean."""
    if Severity.CRITICAL in severities:
        return Verdict.POISONED
    return Verdict.DIRTY if Severity.WARNING in severities else Verdict.CLEAN


def write(inspection: Inspection, folder: Path) -> None:
    """Writes inspection.json into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    text = inspection.model_dump_json(by_alias=True, indent=1)
    (folder / NAME).write_text(text, encoding="utf-8")


def read(folder: Path) -> Inspection:
    """The inspection in a folder; `BadRecord` when it is missing, damaged or of another schema."""
    path = folder / NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRecord(f"{path} is not a readable inspection: {error}") from error
    found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
    if found != SCHEMA:
        raise BadRecord(f"{path} has schema {found!r}; this version reads {SCHEMA}")
    try:
        return Inspection.model_validate(raw)
    except ValidationError as error:
        raise BadRecord(f"{path} is damaged: {error}") from error
