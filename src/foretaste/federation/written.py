"""The lines a federation writes: a round's record, a person's decision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from foretaste.durable import add_line
from foretaste.errors import BadChain, BadInput
from foretaste.federation.link import Link
from foretaste.federation.record import Decided, RoundRecord

RECORDS = "rounds.jsonl"
DECISIONS = "decisions.jsonl"


def read_rounds(out: Path, links: Sequence[Link]) -> list[RoundRecord]:
    """The records that a chain names, each as it was signed.

    Raises `BadChain` for a record that was changed or is gone; lines the chain does not name were
    written just before a crash, and their rounds were run again.
    """
    path = out / RECORDS
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    by_digest = {hashlib.sha256(line).hexdigest(): line for line in lines}
    found = []
    for link in links:
        if link.record not in by_digest:
            raise BadChain(
                f"{path}: the record of round {link.round} is not the one that was signed"
            )
        found.append(RoundRecord.model_validate_json(by_digest[link.record]))
    return found


def read_decisions(out: Path) -> list[Decided]:
    """What people decided of clients, oldest first; a line torn by a crash does not count."""
    path = out / DECISIONS
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [Decided.model_validate_json(line) for line in lines]


def decide(
    out: Path,
    client: str,
    decision: Literal["excluded", "reinstated"],
    by: str,
    why: str,
    round: int,
) -> Decided:
    """Writes down a person's decision; rounds after `round` go by it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = Decided(client=client, decision=decision, by=by, why=why, round=round, time=now)
    add_line(out / DECISIONS, said.model_dump_json().encode())
    return said


def decided_rounds(out: Path, client: str) -> int:
    """The last round of a federation; `BadInput` where it has none, or knows no such client."""
    path = out / RECORDS
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    records = [RoundRecord.model_validate_json(line) for line in lines]
    if not records:
        raise BadInput(f"{out} is no folder of a federation: {RECORDS} is missing, or empty")
    known = {name for record in records for name in (*record.asked, *record.excluded)}
    if client not in known:
        raise BadInput(f"no client {client!r}; there are {', '.join(sorted(known)[:30])}")
    return max(record.round for record in records)
