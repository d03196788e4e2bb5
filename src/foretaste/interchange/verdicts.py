"""What a scan's verdict says, in sentences: the facts of a `scan_verdict`, read with care."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from foretaste.interchange.things import Numbered, Things
from foretaste.ledger.event import Thing

Facts = Mapping[str, Any]

_MEANING = {
    "clean": "nothing was found",
    "dirty": "natural dirt was found, and no poison",
    "poisoned": "poison was found: structure that accidents do not make",
}


def verdicts_on(thing: Thing, events: Iterable[Numbered], things: Things) -> list[Numbered]:
    """The scans of a thing, in the order in which they were written down."""
    whole = things.whole(thing)
    return [
        (index, event)
        for index, event in events
        if event.kind == "scan_verdict"
        and any(things.whole(one) == whole for one in (*event.used, *event.made))
    ]


def found_poison(facts: Facts) -> bool:
    """Whether the verdict is anything but free of poison; what it does not say is not proof."""
    return facts.get("verdict") not in ("clean", "dirty")


def said(facts: Facts) -> str:
    """The verdict in one sentence.

    >>> said({"verdict": "clean", "rows": 5574, "flagged": 0, "alpha": 0.01})
    'verdict clean (nothing was found): 0 of 5,574 rows flagged at alpha 0.01'
    """
    verdict = str(facts.get("verdict", "unknown"))
    counted = f"{_count(facts, 'flagged')} of {_count(facts, 'rows')} rows flagged"
    refused = facts.get("refused")
    more = f", {refused:,} more could not be read" if isinstance(refused, int) and refused else ""
    meaning = _MEANING.get(verdict, "of unknown meaning")
    return f"verdict {verdict} ({meaning}): {counted} at alpha {facts.get('alpha', '?')}{more}"


def power_said(facts: Facts) -> list[str]:
    """What the scan would have found, a sentence for each kind of poison it was tried on.

    >>> power_said({"power": [{"family": "badnets", "smallest_found": 30}]})
    ['planted poison of kind badnets was found from 30 rows on']
    """
    told = []
    for one in _listed(facts.get("power")):
        family, least = one.get("family", "unknown"), one.get("smallest_found")
        if least is None:
            told.append(f"planted poison of kind {family} was not found in any amount tried")
        else:
            told.append(f"planted poison of kind {family} was found from {least} rows on")
    return told


def detectors_said(facts: Facts) -> list[str]:
    """The names of the detectors, sorted."""
    return sorted(str(one.get("name", "unknown")) for one in _listed(facts.get("detectors")))


def _listed(value: Any) -> list[Facts]:
    some = value if isinstance(value, list | tuple) else [value]
    return [one for one in some if isinstance(one, Mapping)]


def _count(facts: Facts, name: str) -> str:
    value = facts.get(name)
    return f"{value:,}" if isinstance(value, int) else "?"
