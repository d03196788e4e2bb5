"""Entries and things in words, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from foretaste.lineage.answer import Answer, EventNote, ThingNote
from foretaste.lineage.bundles import Bundle

Facts = Mapping[str, Any]
DIGITS = 10  # of a digest, in short
LONGEST = 160  # characters of a fact in words
MOST = 8  # facts, detectors told

TITLES = {
    "source_registered": "source registered",
    "dataset_version": "data set read",
    "scan_verdict": "scanned",
    "cleaning_decision": "cleaned",
    "human_decision": "decided by a person",
    "attack_planted": "attack planted",
    "model_trained": "trained",
    "model_mended": "mended",
    "model_verdict": "inspected",
    "checkpoint_promoted": "put in use",
    "federated_round": "federated round",
    "gate_window": "let in by a gate",
    "rollback": "rolled back",
    "artefact_signed": "signed",
}


def short(thing: ThingNote) -> str:
    """A digest as people read it.

    >>> short(ThingNote(id=0, kind="row", name="", digest={"rows": "ab" * 32}, relation="asked",
    ... state="clean", first=0))
    'rows:ababababab'
    """
    algorithm = next(one for one in ("sha256", "rows", "folder") if one in thing.digest)
    return f"{algorithm}:{thing.digest[algorithm][:DIGITS]}"


def titled(answer: Answer, bundle: Bundle) -> tuple[str, str]:
    """What a bundle is, and what it is called: a thing, or how many from which to which."""
    first, last = (answer.things[at] for at in (bundle.members[0], bundle.members[-1]))
    if len(bundle.members) == 1:
        return first.kind, first.name
    return f"{len(bundle.members):,} {first.kind}s", f"{first.name} … {last.name}"


def said(event: EventNote) -> str:
    """What an entry says, in one line; how it was judged, by whom, with which threshold."""
    facts = event.facts
    told = _WORDS.get(event.kind, _plain)(facts)
    return told or _plain(facts)


def _scanned(facts: Facts) -> str:
    runs = _listed(facts.get("detectors"))
    found = [
        f"{_text(run.get('name'))} {_n(run.get('flagged'))}" for run in runs if run.get("flagged")
    ]
    ran = sum(run.get("status") == "ran" for run in runs)
    return _joined(
        _text(facts.get("verdict", "no verdict")),
        f"{_n(facts['flagged'])} of {_n(facts.get('rows'))} rows flagged"
        if "flagged" in facts
        else "",
        f"alpha {_text(facts['alpha'])}" if "alpha" in facts else "",
        f"found by {', '.join(found[:MOST])}" if found else "",
        f"{ran} of {len(runs)} detectors ran" if runs else "",
    )


def _inspected(facts: Facts) -> str:
    runs = _listed(facts.get("inspectors"))
    found = [
        f"{_text(run.get('name'))} {_n(run.get('suspicions'))}"
        for run in runs
        if run.get("suspicions")
    ]
    verdict = _text(facts.get("verdict", "no verdict"))
    return _joined(verdict, f"by {', '.join(found[:MOST])}" if found else f"{len(runs)} inspectors")


def _cleaned(facts: Facts) -> str:
    return _joined(
        f"{_n(facts['kept'])} kept" if "kept" in facts else "",
        f"{_n(facts['quarantined'])} set aside" if "quarantined" in facts else "",
        f"{_n(facts['relabelled'])} with another label" if facts.get("relabelled") else "",
        f"because of {'attacks alone' if facts.get('what') == 'attack' else 'any finding'}",
    )


def _decided(facts: Facts) -> str:
    word = facts.get("verdict") or facts.get("decision") or "decided"
    by = f"by {_text(facts['by'])}" if facts.get("by") else ""
    return _joined(_text(word), by, _text(facts.get("why", "")))


def _trained(facts: Facts) -> str:
    tested = facts.get("tested") or facts.get("quality")
    return _joined(
        _text(facts.get("recipe", "")),
        f"{_n(facts['rows'])} rows" if "rows" in facts else "",
        f"{_text(facts.get('measure', 'quality'))} {tested:.4g}"
        if isinstance(tested, float)
        else "",
        "not admitted" if facts.get("admitted") is False else "",
    )


def _used(facts: Facts) -> str:
    where = f"in {_text(facts['to'])}" if facts.get("to") else ""
    return _joined(
        where, f"by {_text(facts['by'])}" if facts.get("by") else "", _text(facts.get("why", ""))
    )


def _back(facts: Facts) -> str:
    to = _text(facts.get("back_to") or "")
    algorithm, _, digest = to.partition(":")
    back = f"back to {algorithm}:{digest[:DIGITS]}" if digest else "nothing in use since"
    return _joined(back, _used(facts))


def _version(facts: Facts) -> str:
    refused = facts.get("refused")
    return _joined(
        f"{_n(facts['rows'])} rows" if "rows" in facts else "",
        f"{_n(refused)} could not be read" if refused else "",
        _text(facts.get("format", "")),
    )


def _window(facts: Facts) -> str:
    names = ("held", "rejected", "pulled")
    stopped = [f"{_n(facts[name])} {name}" for name in names if facts.get(name)]
    return _joined(f"{_n(facts['rows'])} rows" if "rows" in facts else "", *stopped)


def _round(facts: Facts) -> str:
    return _joined(
        f"round {_n(facts['number'])}" if "number" in facts else "",
        _text(facts.get("rule", "")),
        f"{_n(facts['admitted'])} clients let in" if "admitted" in facts else "",
        f"{_n(facts['turned'])} turned away" if facts.get("turned") else "",
    )


def _planted(facts: Facts) -> str:
    count = f"{_n(facts['count'])} rows" if "count" in facts else ""
    return _joined(_text(facts.get("attack", "")), count)


_WORDS: Mapping[str, Callable[[Facts], str]] = {
    "scan_verdict": _scanned,
    "model_verdict": _inspected,
    "cleaning_decision": _cleaned,
    "human_decision": _decided,
    "model_trained": _trained,
    "checkpoint_promoted": _used,
    "rollback": _back,
    "dataset_version": _version,
    "attack_planted": _planted,
    "gate_window": _window,
    "federated_round": _round,
}


def _plain(facts: Facts) -> str:
    """Facts of a kind that has no words of its own."""
    flat = [
        f"{name} {_text(one)}" for name, one in facts.items() if isinstance(one, str | int | float)
    ]
    return _joined(*flat[:MOST])


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _listed(value: Any) -> Sequence[Facts]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _n(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _text(value: Any) -> str:
    said = str(value)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
