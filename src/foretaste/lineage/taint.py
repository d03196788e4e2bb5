"""What bad things spoilt, and what a cleaning saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretaste.data import Mask
from foretaste.ledger.event import VERDICTS
from foretaste.lineage.graph import ACCUSED, ASIDE, BESIDE, MADE, USED, Edges, Graph, Ints

Named = dict[int, frozenset[int]]


@dataclass(frozen=True, eq=False)
class Taint:
    """Which things are bad, and which of the others were made from bad ones.

    bad:     (things,) condemned by the last verdict on them, planted, or named by whoever asks
    tainted: (things,) bad, or made from what is, and no cleaning took out just what was bad
    spared:  (things,) made from bad things, and a cleaning took out what was bad
    """

    bad: Mask
    tainted: Mask
    spared: Mask


def by_verdict(graph: Graph) -> Taint:
    """What is bad by the ledger's own word: condemned by the last verdict on it, or planted.

    What an event made is spared if the event followed the record that condemned what it used, or
    set aside just the rows that are accused. Whatever else is made from bad things is tainted.
    """
    last = last_verdict(graph)
    bad = _condemned(graph, last)
    return _followed(graph, bad, graph.edges, _answered(graph, bad, last))


def by_word(graph: Graph, named: Ints, without: Ints) -> Taint:
    """What is bad because somebody says so.

    named:   things that are called bad; all of each, so that no cleaning answers for it
    without: things of which it is shown that they have no row of those: they are spared
    """
    bad, clear = np.zeros(graph.things, bool), np.zeros(graph.things, bool)
    bad[named], clear[without] = True, True
    edges = graph.edges.only(~(clear & ~bad)[graph.edges.made])
    return _followed(graph, bad, edges, np.zeros(len(edges.made), bool))


def together(one: Taint, other: Taint) -> Taint:
    """Tainted by either; spared only if neither taints it."""
    tainted = one.tainted | other.tainted
    return Taint(one.bad | other.bad, tainted, (one.spared | other.spared) & ~tainted)


def last_verdict(graph: Graph) -> Ints:
    """(things,) place of the event with the last verdict on each thing; -1: none."""
    said = graph.events.saying("clean", "dirty", "poisoned") & graph.events.of(*VERDICTS)
    last = np.full(graph.things, -1)
    ties = graph.ties.of(said, USED)
    np.maximum.at(last, graph.ties.thing[ties], graph.ties.event[ties])
    return last


def _condemned(graph: Graph, last: Ints) -> Mask:
    """By the last verdict, or planted: no verdict but a worse one speaks of what is known."""
    poisoned = graph.events.saying("poisoned")
    found: Mask = (last >= 0) & np.append(poisoned, False)[last]
    planted = graph.ties.of(graph.events.of("attack_planted"), MADE)
    found[graph.ties.thing[planted]] = True
    return found


def _followed(graph: Graph, bad: Mask, edges: Edges, answered: Mask) -> Taint:
    tainted = _spread(graph, bad, edges, answered)
    touched = graph.below(np.flatnonzero(bad)) | bad
    return Taint(bad, tainted, touched & ~tainted)


def _spread(graph: Graph, bad: Mask, edges: Edges, answered: Mask) -> Mask:
    """What bad things reach; a cleaning answers for what was found in a thing, not for more."""
    while True:
        reached = graph.below(np.flatnonzero(bad), edges.only(~answered)) | bad
        inherited = np.zeros(graph.things, bool)
        inherited[edges.made[~answered & reached[edges.source]]] = True
        wrong = answered & inherited[edges.source]
        if not wrong.any():
            return reached
        answered = answered & ~wrong


def _answered(graph: Graph, condemned: Mask, last: Ints) -> Mask:
    """(edges,) whether what an event made was made without what its source is condemned for."""
    edges = graph.edges
    found: Mask = np.zeros(len(edges.made), bool)
    poisoned = np.append(graph.events.saying("poisoned"), False)
    places = np.flatnonzero(condemned[edges.source] & poisoned[last[edges.source]])
    if not len(places):
        return found
    aside, beside, accused = (_named(graph, role) for role in (ASIDE, BESIDE, ACCUSED))
    records = _records(beside, accused)
    for place in places.tolist():
        event, verdict = int(edges.event[place]), int(last[edges.source[place]])
        left_out = aside.get(event, frozenset())
        if int(edges.made[place]) not in left_out:
            followed = records.get(verdict, frozenset()) & beside.get(event, frozenset())
            found[place] = bool(followed or accused.get(verdict, frozenset()) & left_out)
    return found


def _records(beside: Named, accused: Named) -> Named:
    """By verdict its records, and those of every verdict that accuses the same rows."""
    same: dict[int, set[int]] = {}
    for event, rows in accused.items():
        for one in rows:
            same.setdefault(one, set()).add(event)
    found = dict(beside)
    for events in same.values():
        together = frozenset().union(*(beside.get(one, frozenset()) for one in events))
        found |= {one: found.get(one, frozenset()) | together for one in events}
    return found


def _named(graph: Graph, role: int) -> Named:
    """By place of the event the things that it names so."""
    which = graph.ties.role == role
    found: dict[int, set[int]] = {}
    named = zip(graph.ties.event[which].tolist(), graph.ties.thing[which].tolist(), strict=True)
    for event, thing in named:
        found.setdefault(event, set()).add(thing)
    return {event: frozenset(things) for event, things in found.items()}
