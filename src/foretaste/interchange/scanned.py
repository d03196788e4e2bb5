"""The events of one scan, made of its own record: exports without a ledger."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from foretaste.interchange.things import Numbered
from foretaste.ledger.event import Event, Thing
from foretaste.record import Record


def scan_events(record: Record, dataset: Thing, folder: Path | None = None) -> list[Numbered]:
    """The version that was scanned, and the verdict on it.

    dataset: what was scanned, with its digest
    folder:  where the scan wrote its record, whose digest is then told
    """
    at = _utc(record.finished)
    by = f"foretaste {record.versions.get('foretaste', '?')}"
    rows = {"rows": record.counts.found, "format": record.dataset.get("format", "")}
    made = () if folder is None else (_record_of(folder),)
    return [
        (None, Event("dataset_version", (dataset,), (), rows, at, by)),
        (None, Event("scan_verdict", made, (dataset,), facts_of(record), at, by)),
    ]


def facts_of(record: Record) -> dict[str, Any]:
    """What is told of a scan: how it was made and how it ended, never a row."""
    return {
        "verdict": str(record.verdict),
        "rows": record.counts.found,
        "refused": record.counts.refused,
        "flagged": record.counts.flagged,
        "attack": record.counts.attack,
        "hygiene": record.counts.hygiene,
        "alpha": record.alpha,
        "seed": record.seed,
        "detectors": [
            {"name": run.name, "settings": run.settings, "kind": run.kind, "status": run.status,
             "flagged": run.flagged}
            for run in record.detectors
        ],
        "power": [
            {"family": one.family, "smallest_found": one.smallest_found, "rate": one.rate,
             "tried": list(one.tried), "recall": list(one.recall)}
            for one in record.power
        ],
        "not_checked": list(record.not_checked),
        "version": record.versions.get("foretaste", ""),
    }  # fmt: skip


def _record_of(folder: Path) -> Thing:
    content = (folder / "record.json").read_bytes()
    return Thing("record", "record.json", {"sha256": hashlib.sha256(content).hexdigest()})


def _utc(moment: str) -> str:
    """A moment of a record, to the second, as events have it."""
    return f"{moment[:19]}Z"
