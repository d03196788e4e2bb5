"""Findings as SARIF 2.1.0, which code hosts and security consoles read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from foretaste.record import Record
from foretaste.report.files import read_record

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST = 25_000  # results; consoles refuse larger files, and findings.parquet has them all
LEVELS = {"attack": "error", "hygiene": "warning"}


def write_sarif(folder: Path) -> None:
    """Writes findings.sarif beside the record; attacks first, at most 25,000 results."""
    record = read_record(folder)
    findings = pq.read_table(folder / "findings.parquet")
    text = json.dumps(sarif(record, findings.slice(0, MOST).to_pylist(), len(findings)), indent=1)
    (folder / "findings.sarif").write_text(text, encoding="utf-8")


def sarif(record: Record, findings: list[dict[str, Any]], total: int) -> dict[str, Any]:
    """The log as a dict.

    References
    ----------
    OASIS (2020). Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
    """
    rules = sorted({row["detector"] for row in findings})
    run = {
        "tool": {
            "driver": {
                "name": "foretaste",
                "version": record.versions.get("foretaste", "0"),
                "rules": [{"id": rule, "name": rule} for rule in rules],
            }
        },
        "results": [_result(row, rules) for row in findings],
        "properties": {
            "verdict": record.verdict,
            "fingerprint": record.dataset["fingerprint"],
            "findings": total,
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(row: dict[str, Any], rules: list[str]) -> dict[str, Any]:
    path, line = _place(row["location"])
    place: dict[str, Any] = {"artifactLocation": {"uri": path.replace(" ", "%20")}}
    if line:
        place["region"] = {"startLine": line}
    return {
        "ruleId": row["detector"],
        "ruleIndex": rules.index(row["detector"]),
        "level": LEVELS[row["kind"]],
        "message": {"text": row["reason"]},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"contentId/v1": row["id"]},
        "properties": {
            "index": row["index"],
            "kind": row["kind"],
            "score": row["score"],
            "p_value": row["p_value"],
        },
    }


def _place(location: str) -> tuple[str, int]:
    """A location as path and line.

    >>> _place("train/data.jsonl:17"), _place("cat/1.png")
    (('train/data.jsonl', 17), ('cat/1.png', 0))
    """
    path, _, line = location.rpartition(":")
    return (path, int(line)) if path and line.isdigit() else (location, 0)
