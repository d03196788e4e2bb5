"""A gate brought to where its journal says it stood."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from foretaste.data import Batch
from foretaste.errors import BadRecord
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal
from foretaste.gate.journal_rows import SAID
from foretaste.gate.packing import kinds_of, unpack
from foretaste.gate.ruled import RULINGS, Ruled
from foretaste.gate.standing import Standing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


def kinds(gate: Gate) -> set[type]:
    """What a snapshot of this gate may hold."""
    found: set[type] = {Standing}
    for name, check in gate.checks.items():
        found |= kinds_of(check.start, gate.standing.states[name])
    return found


def stood(data: bytes, known: set[type]) -> Standing:
    """A packed standing; raises `BadRecord` where it is something else."""
    standing = unpack(data, known)
    if not isinstance(standing, Standing):
        raise BadRecord(f"a snapshot that holds a {type(standing).__name__}, and no standing")
    return standing


def resumed(journal: Journal, told: Connection, gate: Gate, origin: bytes) -> tuple[int, int]:
    """Puts the gate where the journal ends: at which step, and the sequence at its snapshot.

    origin: the packed standing of the gate when it was new
    The newest snapshot that is whole, then all steps since, each checked against what was decided
    then. Raises `BadRecord` where the same records now give other decisions.
    """
    step = _nearest(journal, told, gate, origin)
    sequence = gate.standing.sequence
    for row in journal.steps(told, after=step):
        if row.step != step + 1:
            raise BadRecord(
                f"step {step + 1} is not in the journal, and no whole snapshot is later"
            )
        agreed(journal, told, taken(journal, told, gate, row))
        step = row.step
    return step, sequence


def taken(journal: Journal, told: Connection, gate: Gate, row: Row[Any]) -> Ruled | None:
    """Lets one step happen to a gate; what was ruled, if it was a cut."""
    if "packed" in row._fields:
        return gate(opened(row).without(SAID))
    body = json.loads(row.body)
    if row.kind == "close":
        gate.close()
    elif row.kind == "heed":
        heed(gate, rows_of(journal, told, body["places"]), body["clean"])
    elif row.kind == "rollback":
        rolled_back(gate, stood(journal.read("snapshots", body["file"]), kinds(gate)))
    elif row.kind != "pullback":  # which changes nothing before a person has looked
        raise BadRecord(f"step {row.step} is a {row.kind!r}, which nobody knows")
    return None


def opened(row: Row[Any]) -> Batch:
    """The records of a cut, as they were judged."""
    batch = unpack(row.packed, [])
    if not isinstance(batch, Batch) or len(batch) != row.records:
        raise BadRecord(f"the cut of step {row.step} does not hold {row.records} records")
    return batch


def rows_of(journal: Journal, told: Connection, places: Mapping[str, list[int]]) -> list[Batch]:
    """Records by the step of their cut and their rows in it, a batch a cut."""
    cuts = journal.cuts(told, map(int, places))
    lost = [step for step in places if int(step) not in cuts]
    if lost:
        raise BadRecord(f"the records of step {lost[0]} are no longer kept")
    return [opened(cuts[int(step)]).take(rows) for step, rows in places.items()]


def heed(gate: Gate, batches: list[Batch], clean: bool) -> None:
    """What people decided, cut by cut."""
    for rows in batches:
        gate.heed(rows.without(SAID), np.full(len(rows), clean))


def rolled_back(gate: Gate, before: Standing) -> None:
    """What the checks knew is again what they knew then; nothing that happened is forgotten."""
    gate.standing.states = before.states
    gate.standing.extend("rollback", before.chain)


def agreed(journal: Journal, told: Connection, ruled: Ruled | None) -> None:
    """Raises `BadRecord` where a cut is now ruled otherwise than it was."""
    if ruled is None or not len(ruled):
        return
    stored = journal.rulings(told, int(ruled.sequence[0]), len(ruled))
    now = [(i, RULINGS[code].value) for i, code in zip(ruled.ids, ruled.codes, strict=True)]
    then = [(row.id, row.ruling) for row in stored]
    if now != then:
        at = next((i for i, pair in enumerate(zip(now, then, strict=False)) if len({*pair}) > 1), 0)
        raise BadRecord(
            f"record {int(ruled.sequence[0]) + at} was {then[at : at + 1]} and is now {now[at]}: "
            "other versions of the software, or a journal that was changed; see `gate replay`"
        )


def ended(journal: Journal, told: Connection, gate: Gate, origin: bytes, window: int) -> Standing:
    """Where a gate stood when a window was over (-1: at first), found without moving it."""
    now = gate.standing
    end = journal.windows(told, window - 1, limit=1)[0].step if window >= 0 else 0
    try:
        step = _nearest(journal, told, gate, origin, end)
        for row in journal.steps(told, after=step):
            if row.step > end:
                break
            if row.step != step + 1:
                raise BadRecord(f"step {step + 1} is no longer kept; roll back to a later window")
            taken(journal, told, gate, row)
            step = row.step
        return gate.standing
    finally:
        gate.standing = now


def _nearest(
    journal: Journal, told: Connection, gate: Gate, origin: bytes, end: int | None = None
) -> int:
    """Puts a gate where the newest snapshot up to a step is that is whole; the step of that."""
    known = kinds(gate)
    gate.standing = stood(origin, known)
    for snapshot in journal.snapshots(told):
        if end is None or snapshot.step <= end:
            try:
                gate.standing = stood(journal.read("snapshots", snapshot.file), known)
            except BadRecord:
                continue
            return int(snapshot.step)
    return 0
