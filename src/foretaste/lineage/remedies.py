"""Which models learned from it, and what to do about those that learned from something bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foretaste.ledger.event import ALGORITHMS
from foretaste.lineage.answer import How, ModelNote, ThingNote, Todo
from foretaste.lineage.view import LEARNING, View


def models_of(view: View, things: Sequence[ThingNote]) -> list[ModelNote]:
    """The models among what was asked about and what was made from it."""
    ate = _ate(view, things)
    return [
        ModelNote(
            thing=one.id,
            how=_how(one, ate, bool(view.has[view.number(one.id)])),
            undone=one.undone is not None,
            in_use=bool(one.in_use),
        )
        for one in things
        if _is_model(view, one) and one.relation in ("asked", "learned")
    ]


def todo_of(view: View, things: Sequence[ThingNote], models: Sequence[ModelNote]) -> list[Todo]:
    """What to roll back, take out of use, clean and train again; the most urgent first."""
    known = {one.thing for one in models}
    tainted = [one for one in things if one.id in known and one.state in ("bad", "tainted")]
    todo = [step for one in tainted for place in one.in_use for step in [_out(view, one, place)]]
    cleaned = [one for one in things if one.state == "cleaned" and one.kind == "dataset"]
    uncleaned = _uncleaned(view, things)
    todo += [_clean(one) for one in things if one.id in uncleaned]
    passed = _passed(view, tainted)
    last = [one for one in tainted if one.undone is None and (one.in_use or one.id not in passed)]
    return todo + [_again(one, cleaned[-1] if cleaned else None) for one in last]


def _is_model(view: View, thing: ThingNote) -> bool:
    """A gate's updates are models, too; those that clients send are not."""
    trained = view.number(thing.id) in view.models
    return thing.kind == "model" or (thing.kind == "update" and trained)


def _passed(view: View, tainted: Sequence[ThingNote]) -> set[int]:
    """Ids of the models of a round, or a gate, that a later one took the place of."""
    graph, kinds = view.graph, {one.id: one.kind for one in tainted}
    rounds, found = graph.events.of("federated_round"), set[int]()
    for place in view.edges.tolist():
        source, made = (
            view.ids[int(part[place])] for part in (graph.edges.source, graph.edges.made)
        )
        if source in kinds and made in kinds:
            gates = kinds[source] == kinds[made] == "update"
            found |= {source} if gates or rounds[graph.edges.event[place]] else set()
    return found


def _ate(view: View, things: Sequence[ThingNote]) -> set[int]:
    """Ids of the models that learned from tainted rows themselves, and not from a model alone."""
    graph, found = view.graph, set[int]()
    learning = graph.events.of(*LEARNING)
    states = {one.id: one for one in things}
    for place in view.edges.tolist():
        source = states[view.ids[int(graph.edges.source[place])]]
        direct = learning[graph.edges.event[place]] and not _is_model(view, source)
        if direct and source.state in ("bad", "tainted"):
            found.add(view.ids[int(graph.edges.made[place])])
    return found


def _how(model: ThingNote, ate: set[int], has: bool) -> How:
    if model.state in ("bad", "tainted") and model.id in ate:
        return "trained on it"
    if model.state == "bad":
        return "is bad"
    if model.state == "tainted":
        return "made of such a model"
    if model.state == "cleaned":
        return "cleaned before"
    return "learned" if has else "without it"


def _out(view: View, model: ThingNote, place: str) -> Todo:
    """Out of use: back to the newest model there before that is neither tainted nor undone."""
    number = view.number(model.id)
    before = [thing for _, thing in view.uses.promoted.get(place, [])]
    good = [
        thing
        for thing in before
        if thing != number and thing not in view.uses.undone and not view.taint.tainted[thing]
    ]
    where = f" in {place}" if place else ""
    if not good:
        why = f"it is in use{where}, and no model that was there before is free of it"
        return Todo(act="take out of use", thing=model.id, place=place, why=why)
    back = view.thing(good[-1])
    why = f"it is in use{where}; {back.name} was there before and is free of it"
    to = {"to": digest_of(back.digest), "to_name": back.name}
    return Todo(act="roll back", thing=model.id, place=place, why=why, **to)


def _uncleaned(view: View, things: Sequence[ThingNote]) -> set[int]:
    """Ids of the bad data sets of which nothing cleaned was made, and that nobody set aside."""
    graph = view.graph
    kinds = ("dataset", "window")
    bad = {o.id for o in things if o.state == "bad" and o.kind in kinds and o.undone is None}
    saved = set(graph.edges.source[view.taint.spared[graph.edges.made]].tolist())
    return {one for one in bad if view.number(one) not in saved}


def _clean(data: ThingNote) -> Todo:
    why = "it is bad, and the ledger knows no cleaning that took out what is bad in it"
    return Todo(act="clean", thing=data.id, why=why)


def _again(model: ThingNote, data: ThingNote | None) -> Todo:
    why = "it is bad" if model.state == "bad" else "it was made of what is bad"
    to = {} if data is None else {"to": digest_of(data.digest), "to_name": data.name}
    return Todo(act="retrain", thing=model.id, why=why, **to)


def digest_of(digest: Mapping[str, str]) -> str:
    """The digest that tells a thing best: of its bytes, where that is known.

    >>> digest_of({"rows": "ab", "sha256": "cd"})
    'sha256:cd'
    """
    algorithm = next(one for one in ALGORITHMS if one in digest)
    return f"{algorithm}:{digest[algorithm]}"
