"""Reads back what a scan wrote, whatever version wrote it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from foretaste.errors import BadRecord
from foretaste.record import SCHEMA, Record


def read_record(folder: Path) -> Record:
    """The record in a folder; `BadRecord` when it is missing, damaged or of a newer schema."""
    path = folder / "record.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRecord(f"{path} is not a readable record: {error}") from error
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise BadRecord(f"{path} has schema {found!r}; this version reads {SCHEMA}")
    try:
        return Record.model_validate(raw)
    except ValidationError as error:
        raise BadRecord(f"{path} is damaged: {error}") from error
