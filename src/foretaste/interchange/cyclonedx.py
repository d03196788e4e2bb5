"""A bill of materials of models and data, CycloneDX 1.7 in JSON.

Models are components with a card, data sets components with their governance; who scanned what
with which outcome stands as attestations, claims and evidence; what was done, as tasks of one
workflow. The same events give the same bytes: the serial number follows from what is said.

References
----------
OWASP Foundation (2025). CycloneDX v1.7, ECMA-424. https://cyclonedx.org/docs/1.7/json/
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from foretaste.errors import BadInput
from foretaste.interchange.cyclonedx_cards import component
from foretaste.interchange.cyclonedx_claims import ASSESSOR, STANDARD, declarations
from foretaste.interchange.things import Numbered, Things, ref
from foretaste.ledger.event import Thing

SPEC = "http://cyclonedx.org/schema/bom-1.7.schema.json"
TOOL = "tool:foretaste"
_LISTED = ("model", "dataset", "source", "window", "update", "file")
_TASKS = {
    "scan_verdict": "scan",
    "cleaning_decision": "clean",
    "model_trained": "build",
    "model_mended": "build",
    "model_verdict": "test",
    "checkpoint_promoted": "release",
}


@dataclass(frozen=True)
class About:
    """What a bill says of itself.

    name:         of the whole it lists; empty for the newest model, or data set
    organisation: who vouches for the claims in it
    timestamp:    when it was made, in UTC; empty for the time of the last event
    """

    name: str = ""
    organisation: str = "unnamed"
    timestamp: str = ""


def bom(events: Iterable[Numbered], about: About | None = None) -> dict[str, Any]:
    """The bill of materials of all models and data that the events speak of.

    Raises `BadInput` where they speak of none.
    """
    about, known = about or About(), list(events)
    things = Things.of(known)
    listed = [thing for thing in things if thing.kind in _LISTED]
    if not listed:
        raise BadInput("no event speaks of a model or a data set, so there is nothing to list")
    said = {
        "$schema": SPEC,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "version": 1,
        "metadata": _metadata(known, listed, about),
        "components": [component(thing, known, things) for thing in listed],
        "dependencies": _dependencies(known, listed, things),
        "compositions": [{"aggregate": "unknown", "assemblies": [ref(thing) for thing in listed]}],
        "formulation": [{"bom-ref": "formula", "workflows": [_workflow(known, listed, things)]}],
        "declarations": declarations(known, listed, things, about.organisation),
        "definitions": {"standards": [STANDARD]},
    }
    said["citations"] = [_citation(said)]
    return {**said, "serialNumber": _serial(said)}


def written(bill: Mapping[str, Any]) -> bytes:
    """A bill as it is kept: the same one always as the same bytes."""
    return (json.dumps(bill, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def _serial(said: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(written(said)).hexdigest()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sha256:{digest}").urn


def _metadata(events: list[Numbered], listed: list[Thing], about: About) -> dict[str, Any]:
    subject = next((one for one in reversed(listed) if one.kind == "model"), listed[-1])
    kind = "machine-learning-model" if subject.kind == "model" else "data"
    tool = {
        "type": "application",
        "bom-ref": TOOL,
        "name": "foretaste",
        "version": version("foretaste"),
    }
    return {
        "timestamp": about.timestamp or max(event.at for _, event in events),
        "tools": {"components": [tool]},
        "component": {"type": kind, "bom-ref": "subject", "name": about.name or subject.name},
    }


def _dependencies(
    events: list[Numbered], listed: list[Thing], things: Things
) -> list[dict[str, Any]]:
    """What each thing came from."""
    from_what: dict[str, set[str]] = {ref(thing): set() for thing in listed}
    for _, event in events:
        used = {ref(things.whole(one)) for one in event.used} & from_what.keys()
        for one in event.made:
            name = ref(things.whole(one))
            if name in from_what:
                from_what[name] |= used - {name}
    roots = [{"ref": "subject", "dependsOn": [*from_what]}]
    return roots + [{"ref": one, "dependsOn": sorted(on)} for one, on in from_what.items()]


def _workflow(events: list[Numbered], listed: list[Thing], things: Things) -> dict[str, Any]:
    kinds = dict.fromkeys(_TASKS.get(event.kind, "other") for _, event in events)
    known = {ref(thing) for thing in listed}
    return {
        "bom-ref": "workflow",
        "uid": "workflow",
        "name": "what was done, as it was written down",
        "taskTypes": list(kinds),
        "timeStart": min(event.at for _, event in events),
        "timeEnd": max(event.at for _, event in events),
        "tasks": [_task(at, one, known, things) for at, one in enumerate(events)],
    }


def _task(at: int, numbered: Numbered, known: set[str], things: Things) -> dict[str, Any]:
    index, event = numbered
    name = f"task:{at}"
    task: dict[str, Any] = {
        "bom-ref": name,
        "uid": name,
        "name": event.kind,
        "taskTypes": [_TASKS.get(event.kind, "other")],
        "timeEnd": event.at,
        "properties": [{"name": "foretaste:by", "value": event.by}],
    }
    if index is not None:
        task["properties"].append({"name": "foretaste:ledger:entry", "value": str(index)})
    used = [one for one in map(_named(things), event.used) if one in known]
    made = [one for one in map(_named(things), event.made) if one in known]
    if used:
        task["inputs"] = [{"resource": {"ref": one}} for one in dict.fromkeys(used)]
    if made:
        task["outputs"] = [
            {"type": "artifact", "resource": {"ref": one}} for one in dict.fromkeys(made)
        ]
    return task


def _named(things: Things) -> Any:
    return lambda thing: ref(things.whole(thing))


def _citation(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bom-ref": "citation",
        "pointers": ["/components", "/declarations", "/formulation"],
        "timestamp": said["metadata"]["timestamp"],
        "attributedTo": ASSESSOR,
        "note": "taken from the events of a ledger, or from the record of one scan",
    }
