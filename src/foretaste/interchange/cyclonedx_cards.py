"""Components of a bill of materials: a model with its card, data with its governance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from foretaste import registry
from foretaste.errors import ForetasteError
from foretaste.interchange.things import Numbered, Things, ref
from foretaste.interchange.verdicts import found_poison, power_said, said, verdicts_on
from foretaste.ledger.event import Event, Thing

_TYPES = {"model": "machine-learning-model", "file": "file"}
_TRAINED = ("model_trained", "model_mended", "federated_round")
_LEARNT_BY = {"label": "supervised", "rating": "supervised"}


def component(thing: Thing, events: list[Numbered], things: Things) -> dict[str, Any]:
    """One model, data set, source or file."""
    told: dict[str, Any] = {
        "type": _TYPES.get(thing.kind, "data"),
        "bom-ref": ref(thing),
        "name": thing.name or ref(thing),
        "properties": _properties(thing),
    }
    if "sha256" in thing.digest:
        told["hashes"] = [{"alg": "SHA-256", "content": thing.digest["sha256"]}]
    if told["type"] == "machine-learning-model":
        told["modelCard"] = _card(thing, events, things)
    elif told["type"] == "data":
        told["data"] = [_data(thing, events, things)]
    return told


def _properties(thing: Thing) -> list[dict[str, str]]:
    return [
        {"name": "foretaste:kind", "value": thing.kind},
        *(
            {"name": f"foretaste:digest:{algorithm}", "value": hexadecimal}
            for algorithm, hexadecimal in sorted(thing.digest.items())
        ),
    ]


def _data(thing: Thing, events: list[Numbered], things: Things) -> dict[str, Any]:
    made = _about(thing, events, things, ("dataset_version", "source_registered", "gate_window"))
    facts = {name: value for event in made for name, value in event.facts.items()}
    judged = verdicts_on(thing, events, things)
    told: dict[str, Any] = {
        "type": "dataset",
        "name": thing.name or ref(thing),
        "description": said(judged[-1][1].facts) if judged else "no scan of it is written down",
        "contents": {"properties": _facts(facts)},
    }
    roles = {
        "owners": facts.get("owner"),
        "custodians": facts.get("provider"),
        "stewards": facts.get("by") or facts.get("person"),
    }
    givers = [one.name for event in made for one in event.used if one.kind == "source"]
    if thing.kind == "source" and "key" in facts:
        givers = [thing.name]  # a provider, by the name of its key
    roles["custodians"] = roles["custodians"] or next(iter(givers), None)
    parties = {role: name for role, name in roles.items() if isinstance(name, str) and name}
    if parties:
        told["governance"] = {
            role: [{"organization": {"name": name}}] for role, name in parties.items()
        }
    return told


def _card(thing: Thing, events: list[Numbered], things: Things) -> dict[str, Any]:
    training = _about(thing, events, things, _TRAINED)
    facts = {name: value for event in training for name, value in event.facts.items()}
    eaten = _eaten(thing, events, things, set())
    card: dict[str, Any] = {
        "bom-ref": f"card:{ref(thing)}",
        "modelParameters": _parameters(facts, eaten),
        "considerations": {
            "technicalLimitations": _limits(eaten, events, things),
            "ethicalConsiderations": [
                {
                    "name": "poisoned training data",
                    "mitigationStrategy": "training data is scanned before it is learned from; "
                    "what the scans said stands under declarations",
                }
            ],
        },
        "properties": _facts(facts),
    }
    measured = _metrics(facts) + _model_verdicts(thing, events, things)
    if measured:
        card["quantitativeAnalysis"] = {"performanceMetrics": measured}
    return card


def _eaten(thing: Thing, events: list[Numbered], things: Things, seen: set[Thing]) -> list[Thing]:
    """What a model learned from, and what the models it came from did."""
    found: list[Thing] = []
    seen.add(thing)
    for event in _about(thing, events, things, _TRAINED):
        for one in map(things.whole, event.used):
            if one.kind in ("model", "update") and one not in seen:
                found += _eaten(one, events, things, seen)
            elif one.kind in ("dataset", "window"):
                found.append(one)
    return list(dict.fromkeys(found))


def _parameters(facts: Mapping[str, Any], eaten: list[Thing]) -> dict[str, Any]:
    recipe = facts.get("recipe")
    told: dict[str, Any] = {"datasets": [{"ref": ref(one)} for one in eaten]}
    if isinstance(recipe, str) and recipe:
        told["modelArchitecture"] = recipe
        approach = _approach(recipe)
        if approach:
            told["approach"] = {"type": approach}
    if isinstance(facts.get("task"), str):
        told["task"] = facts["task"]
    return told


def _approach(recipe: str) -> str:
    """How a recipe learns, if it is known here and its needs tell."""
    try:
        needs = registry.component("recipes", recipe).needs
    except (ForetasteError, ImportError):
        return ""
    return next((_LEARNT_BY[one] for one in needs if one in _LEARNT_BY), "")


def _limits(eaten: list[Thing], events: list[Numbered], things: Things) -> list[str]:
    told = [sentence for thing in eaten for sentence in _judged(thing, events, things, set())]
    return told or ["no data set that this model learned from is written down"]


def _judged(
    thing: Thing, events: list[Numbered], things: Things, seen: set[Thing], lead: str = ""
) -> list[str]:
    """What the last scan of a data set says; if there is none, of what it was made from."""
    seen.add(thing)
    name = f"{lead}{thing.name or ref(thing)}"
    judged = verdicts_on(thing, events, things)
    if judged:
        facts = judged[-1][1].facts
        eaten = "POISONED, and learned from: " if found_poison(facts) and not lead else ""
        return [f"{eaten}{name}: {said(facts)}", *(f"{name}: {one}" for one in power_said(facts))]
    told = [f"{name}: learned from, and no scan of it is written down"] if not lead else []
    for _, event in events:
        if any(things.whole(one) == thing for one in event.made):
            for one in map(things.whole, event.used):
                if one.kind == "dataset" and one not in seen:
                    told += _judged(one, events, things, seen, f"{name} was made from ")
    return told


def _metrics(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """How good it is, on the rows it learned from and on others."""
    measure = str(facts.get("measure") or "quality")
    slices = {"training rows": "quality", "held-out rows": "tested"}
    if "tested" not in facts:
        slices["held-out rows"] = "test_quality"
    told = [
        {"type": measure, "value": repr(facts[name]), "slice": where}
        for where, name in slices.items()
        if isinstance(facts.get(name), int | float)
    ]
    stages = facts.get("measured")  # of a model that was mended: before, after
    for stage, found in stages.items() if isinstance(stages, Mapping) else ():
        for name, value in found.items() if isinstance(found, Mapping) else ():
            if isinstance(value, int | float):
                told.append({"type": str(name), "value": repr(value), "slice": str(stage)})
    return told


def _model_verdicts(thing: Thing, events: list[Numbered], things: Things) -> list[dict[str, str]]:
    return [
        {"type": "model inspection", "value": str(event.facts.get("verdict", "unknown"))}
        for _, event in events
        if event.kind == "model_verdict" and thing in map(things.whole, event.used)
    ]


def _about(
    thing: Thing, events: list[Numbered], things: Things, kinds: tuple[str, ...]
) -> list[Event]:
    """The events of some kinds that made a thing, or speak of it alone."""
    return [
        event
        for _, event in events
        if event.kind in kinds
        and any(things.whole(one) == thing for one in event.made or event.used)
    ]


def _facts(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    told = {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in facts.items()
        if value is not None
    }
    return [{"name": f"foretaste:{name}", "value": told[name]} for name in sorted(told)]
