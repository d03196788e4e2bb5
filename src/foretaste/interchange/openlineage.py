"""Events of a ledger as OpenLineage run events, for catalogues of lineage.

Each entry is one run, told as its start and its end; a ledger knows only when something had been
done, so both have that time unless the facts say when it began. What a scan found stands as
assertions about the data set that it read. Only what the ledger says is told: no code, no query.

References
----------
OpenLineage (2024). Specification 2-0-2. https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from foretaste.errors import BadInput, NotAvailable
from foretaste.interchange.things import Numbered, Things, ref
from foretaste.interchange.verdicts import found_poison, said
from foretaste.ledger.event import Event, Thing, statement

PRODUCER = "https://github.com/foretaste/foretaste"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
FACETS = "https://openlineage.io/spec/facets/"
NAMESPACE = "foretaste"
MOST = 64 << 10  # bytes of an answer that are read
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+", re.ASCII | re.IGNORECASE)
_TYPES = {"model": "MODEL", "window": "STREAM"}
_LISTED = ("source", "dataset", "model", "file", "record", "update", "window", "round")


def run_events(events: Iterable[Numbered], namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Two run events for each event: its start and its end.

    namespace: of all jobs and data sets
    """
    known = list(events)
    things = Things.of(known)
    return [
        told
        for index, event in known
        for told in _both(index, event, things, namespace)
    ]  # fmt: skip


def written(told: Iterable[Mapping[str, Any]]) -> bytes:
    """Run events as JSON lines; the same ones always as the same bytes."""
    lines = (json.dumps(one, sort_keys=True, allow_nan=False) for one in told)
    return "".join(f"{line}\n" for line in lines).encode()


def send(told: Iterable[Mapping[str, Any]], url: str, key: str = "", seconds: float = 10) -> int:
    """Posts run events, one after another, to an address that takes them; how many it took.

    url: such as http://localhost:5000/api/v1/lineage; key: a bearer token
    Raises `BadInput` for another kind of address, `NotAvailable` with what the server answered.
    """
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"{url[:80]!r} is no address of a web server: http://… or https://…")
    sent = 0
    for one in told:
        body = json.dumps(one, sort_keys=True, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (checked)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
                answer.read(MOST)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise NotAvailable(f"{url} took {sent} run events, then: {error}") from error
        sent += 1
    return sent


def _both(
    index: int | None, event: Event, things: Things, namespace: str
) -> Iterator[dict[str, Any]]:
    began = event.facts.get("started")
    times = {"START": began if isinstance(began, str) and began else event.at, "COMPLETE": event.at}
    for state, at in times.items():
        yield {
            "eventType": state,
            "eventTime": at,
            "producer": PRODUCER,
            "schemaURL": f"{SPEC}RunEvent",
            "run": {"runId": _run_id(index, event), "facets": _run_facets(index, event)},
            "job": {
                "namespace": namespace,
                "name": _job_name(event, things),
                "facets": {"jobType": _job_type(event)},
            },
            "inputs": [_input(one, event, namespace) for one in _listed(event.used, things)],
            "outputs": [_output(one, event, namespace) for one in _listed(event.made, things)],
        }


def _run_id(index: int | None, event: Event) -> str:
    """The same run has the same id in every export."""
    digest = hashlib.sha256(statement(event)).hexdigest()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/run/{index}/{digest}"))


def _run_facets(index: int | None, event: Event) -> dict[str, Any]:
    name, _, number = event.by.partition(" ")
    facts: dict[str, Any] = {"kind": event.kind, "facts": dict(event.facts), "by": event.by}
    if index is not None:
        facts["entry"] = index
    return {
        "processing_engine": _facet(
            "1-1-1/ProcessingEngineRunFacet", {"version": number or "unknown", "name": name}
        ),
        "foretaste_event": {"_producer": PRODUCER, "_schemaURL": f"{SPEC}RunFacet", **facts},
    }


def _job_name(event: Event, things: Things) -> str:
    first = (*event.made, *event.used)[0]
    return f"{event.kind}.{things.whole(first).name}".rstrip(".")


def _job_type(event: Event) -> dict[str, Any]:
    kind = "STREAMING" if event.kind == "gate_window" else "BATCH"
    told = {"processingType": kind, "integration": "FORETASTE", "jobType": event.kind.upper()}
    return _facet("2-0-4/JobTypeJobFacet", told)


def _listed(things: Iterable[Thing], known: Things) -> list[Thing]:
    """Each thing once; single rows are not for a catalogue."""
    return list(dict.fromkeys(known.whole(one) for one in things if one.kind in _LISTED))


def _input(thing: Thing, event: Event, namespace: str) -> dict[str, Any]:
    told = _dataset(thing, event, namespace)
    if event.kind == "scan_verdict" and thing.kind != "record":
        told["inputFacets"] = _judged(event.facts)
    return told


def _output(thing: Thing, event: Event, namespace: str) -> dict[str, Any]:
    told = _dataset(thing, event, namespace)
    rows = event.facts.get("rows")
    if thing.kind == "dataset" and isinstance(rows, int):
        told["outputFacets"] = {
            "outputStatistics": _facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet", {"rowCount": rows}
            )
        }
    return told


def _dataset(thing: Thing, event: Event, namespace: str) -> dict[str, Any]:
    kind = _TYPES.get(thing.kind, "FILE")
    facets = {
        "version": _facet("1-0-1/DatasetVersionDatasetFacet", {"datasetVersion": ref(thing)}),
        "datasetType": _facet(
            "1-0-1/DatasetTypeDatasetFacet", {"datasetType": kind, "subType": thing.kind.upper()}
        ),
    }
    if _URI.fullmatch(thing.name):
        facets["dataSource"] = _facet(
            "1-0-1/DatasourceDatasetFacet", {"name": thing.name, "uri": thing.name}
        )
    fields = _fields(event.facts) if thing.kind == "dataset" else []
    if fields:
        facets["schema"] = _facet("1-2-0/SchemaDatasetFacet", {"fields": fields})
    return {"namespace": namespace, "name": thing.name or ref(thing), "facets": facets}


def _fields(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """The columns, where they are told; else those that play a role."""
    columns, roles = facts.get("columns"), facts.get("roles")
    if isinstance(columns, list):
        return [{"name": str(one)} for one in columns]
    if not isinstance(roles, Mapping):
        return []
    return [
        {"name": str(name), "description": f"plays the role of {role}"}
        for role, name in roles.items()
    ]


def _judged(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A scan as catalogues show tests: one for the verdict, one for each detector that counts."""
    tests = [
        {
            "assertion": "not_poisoned",
            "success": not found_poison(facts),
            "severity": "error",
            "description": said(facts),
        }
    ]
    for run in facts.get("detectors") or ():
        if isinstance(run, Mapping) and isinstance(run.get("flagged"), int):
            tests.append(
                {
                    "assertion": f"foretaste.{run.get('name', 'unknown')}",
                    "success": run["flagged"] == 0 and run.get("status", "ran") == "ran",
                    "severity": "warn",
                    "expected": "0",
                    "actual": str(run["flagged"]),
                }
            )
    told = {
        "dataQualityAssertions": _facet(
            "1-1-0/DataQualityAssertionsDatasetFacet", {"assertions": tests}
        )
    }
    rows = facts.get("rows")
    if isinstance(rows, int):
        told["dataQualityMetrics"] = _facet(
            "1-0-3/DataQualityMetricsInputDatasetFacet", {"rowCount": rows, "columnMetrics": {}}
        )
    return told


def _facet(schema: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """A facet, with where its form is written down."""
    name = schema.partition("/")[2]
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{FACETS}{schema}.json#/$defs/{name}",
        **told,
    }
