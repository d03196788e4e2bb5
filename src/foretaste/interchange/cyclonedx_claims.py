"""Attestations of a bill of materials: who judged which data, how, and what came of it."""

from __future__ import annotations

import json
from typing import Any

from foretaste.interchange.things import Numbered, Things, ref
from foretaste.interchange.verdicts import detectors_said, found_poison, power_said, said
from foretaste.ledger.event import Event, Thing

ASSESSOR = "assessor"
REQUIREMENT = "requirement:no-poison"
STANDARD = {
    "bom-ref": "standard:foretaste",
    "name": "Foretaste: data that may be learned from",
    "version": "1",
    "description": "what a scan of a data set can show, and what it cannot",
    "requirements": [
        {
            "bom-ref": REQUIREMENT,
            "identifier": "FT-1",
            "title": "No poison is found",
            "text": "The data set is scanned with a stated share of false alarms (alpha), and no "
            "structure is found that accidents do not make. What the scan would have found is said "
            "by its power; less poison than that may be there unseen.",
        }
    ],
}


def declarations(
    events: list[Numbered], listed: list[Thing], things: Things, organisation: str
) -> dict[str, Any]:
    """Assessor, attestations, claims and evidence of every scan of a listed thing."""
    known = {ref(thing) for thing in listed}
    claims, evidence, attestations = [], [], []
    for at, (index, event) in enumerate(events):
        judged = [ref(things.whole(one)) for one in event.used]
        target = next((one for one in judged if one in known), None)
        if event.kind != "scan_verdict" or target is None:
            continue
        evidence.append(_evidence(at, index, event))
        claims.append(_claim(at, event, target))
        attestations.append(_attestation(at, event))
    return {
        "assessors": [
            {"bom-ref": ASSESSOR, "thirdParty": False, "organization": {"name": organisation}}
        ],
        "attestations": attestations,
        "claims": claims,
        "evidence": evidence,
        "affirmation": {
            "statement": "These claims say what scans found. They were made by a program, and "
            "nobody has signed them here; the ledger's entries are signed."
        },
    }


def _claim(at: int, event: Event, target: str) -> dict[str, Any]:
    poison = found_poison(event.facts)
    return {
        "bom-ref": f"claim:{at}",
        "target": target,
        "predicate": "poison was found, or could not be ruled out" if poison else "no poison found",
        "reasoning": "; ".join([said(event.facts), *power_said(event.facts)]),
        "evidence": [f"evidence:{at}"],
    }


def _evidence(at: int, index: int | None, event: Event) -> dict[str, Any]:
    facts = json.dumps(dict(event.facts), sort_keys=True, allow_nan=False)
    records = [one for one in (*event.made, *event.used) if one.kind == "record"]
    data = [
        {
            "name": "what the scan wrote down",
            "contents": {"attachment": {"contentType": "application/json", "content": facts}},
        },
        *(
            {"name": f"{one.name} ({ref(one)})", "contents": {"url": f"urn:{ref(one)}"}}
            for one in records
        ),
    ]
    if index is not None:
        data.append({"name": f"entry {index} of the ledger"})
    return {
        "bom-ref": f"evidence:{at}",
        "propertyName": "foretaste:scan_verdict",
        "data": data,
        "created": event.at,
        "author": {"name": event.by},
    }


def _attestation(at: int, event: Event) -> dict[str, Any]:
    facts, poison = event.facts, found_poison(event.facts)
    names = detectors_said(facts)
    rationale = "; ".join(power_said(facts)) or "its power was not measured in this scan"
    verdict = {
        "requirement": REQUIREMENT,
        "counterClaims" if poison else "claims": [f"claim:{at}"],
        "conformance": {"score": 0 if poison else 1, "rationale": said(facts)},
        "confidence": {"rationale": rationale},
    }
    return {
        "summary": f"{said(facts)}; detectors: {', '.join(names) or 'none is named'}",
        "assessor": ASSESSOR,
        "map": [verdict],
    }
