"""Models: trained, mended, judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foretaste.bookkeeping.seeing import Seen, file_of, plain
from foretaste.inspecting.record import Inspection
from foretaste.ledger.event import Event, Thing
from foretaste.mending import Mending
from foretaste.training import Trained, Training


def trained(done: Trained, how: Training, on: Seen, test: Seen | None = None) -> tuple[Event, ...]:
    """That a model was trained, on what.

    on, test: the data sets, as they were seen before the training
    Raises `BadInput` where one of them was changed meanwhile.
    """
    sets = [one for one in (on, test) if one is not None]
    for one in sets:
        one.same()
    facts: dict[str, Any] = {
        "recipe": done.recipe,
        "settings": plain(how.settings),
        "rows": done.rows,
        "measure": done.measure,
        "quality": done.quality,
        "tested": done.tested,
        **plain(done.facts),
    }
    if test is not None:
        facts["measured_on"] = _named(test.thing)
    model = file_of("model", done.path)
    before = [event for one in sets for event in one.events]
    return (*before, Event("model_trained", (model,), (on.thing,), facts))


def mended(done: Mending, model: Thing, out: Path, clean: Seen) -> tuple[Event, ...]:
    """That a backdoor was taken out of a model, and what it was like before and after.

    model: as it was before
    """
    clean.same()
    lines = {line.stage: line.model_dump(mode="json", exclude={"stage"}) for line in done.lines}
    facts = {
        "repair": done.by,
        "settings": plain(done.settings),
        "changed": done.changed,
        "attack": done.attack,
        "rows": done.rows,
        "seed": done.seed,
        "measured": lines,
    }
    made, used = (file_of("model", out),), (model, clean.thing)
    return (*clean.events, Event("model_mended", made, used, facts))


def inspected(path: Path, found: Inspection, out: Path) -> tuple[Event, ...]:
    """That a model was inspected, and what the inspectors say."""
    severities: dict[str, int] = {}
    for one in found.suspicions:
        severities[one.severity.value] = severities.get(one.severity.value, 0) + 1
    runs = [
        {"name": run.name, "settings": plain(run.settings), "suspicions": run.suspicions}
        | {"status": run.status}
        for run in found.inspectors
    ]
    facts = {
        "verdict": found.verdict.value,
        "inspectors": runs,
        "severities": severities,
        "seed": found.seed,
        "versions": dict(found.versions),
        "version": found.versions.get("foretaste", ""),
    }
    record = file_of("record", out / "inspection.json")
    model = Thing("model", str(path), {"sha256": found.sha256})
    return (Event("model_verdict", (record,), (model,), facts),)


def _named(thing: Thing) -> str:
    algorithm, digest = next(iter(thing.digest.items()))
    return f"{algorithm}:{digest}"
