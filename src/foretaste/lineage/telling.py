"""A view put into an answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from foretaste.ledger.event import VERDICTS, Event, Thing
from foretaste.lineage.answer import Answer, Judged, Origin, RowNote, ThingNote
from foretaste.lineage.graph import USED
from foretaste.lineage.remedies import models_of, todo_of
from foretaste.lineage.view import View

MOST_CAUSES = 64  # bad things that others are traced back to
MOST_RECORDS = 16  # digests of records told of one entry


def told(view: View, row: RowNote | None = None) -> Answer:
    """The answer that a view gives."""
    things = _things(view)
    against = view.reading.against
    models = models_of(view, things)
    root = {"origin": against.origin, "size": against.size, "root": against.root.hex()}
    return Answer.model_validate(
        {
            "asked": view.said,
            "verdict": "tainted" if view.taint.tainted[view.asked].any() else "clean",
            "against": root,
            "row": row,
            "things": things,
            "events": [_event(view, index, event) for index, event in view.events.items()],
            "origins": _origins(view),
            "models": models,
            "todo": todo_of(view, things, models),
            "left_out": view.left_out,
        }
    )


def _things(view: View) -> list[ThingNote]:
    ids, because, verdicts = view.ids, _because(view), _verdicts(view)
    return [
        ThingNote.model_validate(
            {
                "id": place,
                "kind": (thing := view.called(number)).kind,
                "name": thing.name,
                "names": tuple(dict.fromkeys(one.thing.name for one in view.named[number])),
                "digest": dict(thing.digest),
                "relation": _relation(view, number),
                "state": _state(view, number, verdicts.get(number, [])),
                "because": because.get(number, ()),
                "verdicts": verdicts.get(number, []),
                "in_use": view.uses.places(number),
                "undone": _undone(view, number),
                "first": view.named[number][0].entry,
            }
        )
        for number, place in ids.items()
    ]


def _relation(view: View, number: int) -> str:
    if view.asked[number]:
        return "asked"
    if view.causes[number]:
        return "cause"
    return "origin" if view.origins[number] else "learned"


def _state(view: View, number: int, verdicts: list[Judged]) -> str:
    if view.taint.tainted[number]:
        if number in view.aside:
            return "set aside"
        return "bad" if view.taint.bad[number] else "tainted"
    if view.taint.spared[number]:
        return "cleaned"
    return verdicts[-1].verdict if verdicts else "unjudged"


def _undone(view: View, number: int) -> int | None:
    event = view.uses.undone.get(number)
    return None if event is None else int(view.graph.events.index[event])


def _verdicts(view: View) -> dict[int, list[Judged]]:
    """By number of the thing judged, oldest first."""
    graph, found = view.graph, dict[int, list[Judged]]()
    judging = graph.events.of(*VERDICTS) & graph.events.saying("clean", "dirty", "poisoned")
    for tie in graph.ties.of(judging, USED).tolist():
        thing, event = int(graph.ties.thing[tie]), int(graph.ties.event[tie])
        if view.shown[thing]:
            said = graph.events.words[graph.events.said[event]]
            one = Judged(index=int(graph.events.index[event]), verdict=said)
            found.setdefault(thing, []).append(one)
    return found


def _because(view: View) -> dict[int, tuple[int, ...]]:
    """By number, ids of the bad things that are shown and that it was made from."""
    ids, shown = view.ids, view.shown
    found: dict[int, tuple[int, ...]] = {}
    for bad in np.flatnonzero(view.taint.bad & shown)[:MOST_CAUSES].tolist():
        touched = view.graph.below(np.array([bad]))
        for number in np.flatnonzero(touched & shown).tolist():
            found[number] = (*found.get(number, ()), ids[bad])
    return found


def _event(view: View, index: int, event: Event) -> dict[str, Any]:
    used, more = _split(view, event.used)
    made, others = _split(view, event.made)
    rest = [*more, *others]
    records = [
        f"{a}:{d}" for one in rest if one.kind in ("record", "file") for a, d in one.digest.items()
    ]
    return {
        "index": index,
        "kind": event.kind,
        "at": event.at,
        "by": event.by,
        "used": used,
        "made": made,
        "others": len(rest),
        "records": records[:MOST_RECORDS],
        "facts": dict(event.facts),
    }


def _split(view: View, things: tuple[Thing, ...]) -> tuple[list[int], list[Thing]]:
    """Ids of the things that are shown; and the others."""
    ids, others = dict[int, None](), []
    for thing in things:
        shown = [view.ids[n] for n in _numbers(view, thing) if n in view.ids]
        ids |= dict.fromkeys(shown)
        others += [] if shown else [thing]
    return list(ids), others


def _numbers(view: View, thing: Thing) -> list[int]:
    found: list[int] = view.reading.gathering.numbers(thing.digest).tolist()
    return found


def _origins(view: View) -> list[Origin]:
    edges, events = view.graph.edges, view.graph.events
    parts = (
        edges.source[view.edges],
        edges.made[view.edges],
        events.index[edges.event[view.edges]],
    )
    ids = view.ids
    told = zip(*(part.tolist() for part in parts), strict=True)
    return [Origin(ids[source], ids[made], index) for source, made, index in told]
