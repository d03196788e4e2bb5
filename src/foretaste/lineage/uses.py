"""Which models are in use where, which were, and which were taken back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from foretaste.lineage.graph import BACK, USED, Graph

KINDS = ("checkpoint_promoted", "rollback")


@dataclass(frozen=True, eq=False)
class Uses:
    """What promotions and rollbacks made of the things they name.

    promoted: place of use -> event and thing of each promotion, oldest first
    current:  place of use -> thing in use there
    undone:   thing -> event that took it back, if it was not promoted since
    """

    promoted: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    current: dict[str, int] = field(default_factory=dict)
    undone: dict[int, int] = field(default_factory=dict)

    def places(self, thing: int) -> tuple[str, ...]:
        """Where it is in use."""
        return tuple(place for place, one in self.current.items() if one == thing)

    def promote(self, place: str, event: int, things: list[int]) -> None:
        """From now on they are in use there; of several the last."""
        for thing in things:
            self.promoted.setdefault(place, []).append((event, thing))
            self.current[place] = thing
            self.undone.pop(thing, None)

    def undo(self, place: str, event: int, things: list[int], back: list[int]) -> None:
        """They are in use nowhere any more; perhaps another one is, again."""
        self.undone.update(dict.fromkeys(things, event))
        for one in [one for one, thing in self.current.items() if thing in things]:
            del self.current[one]
        for thing in back:
            self.current[place] = thing
            self.undone.pop(thing, None)


def uses(graph: Graph) -> Uses:
    """Walks promotions and rollbacks in the order of the ledger."""
    found = Uses()
    which = graph.events.of(*KINDS)
    rollback = graph.events.of("rollback")
    named: dict[int, dict[int, list[int]]] = {}
    for tie in graph.ties.of(which, USED, BACK).tolist():
        roles = named.setdefault(int(graph.ties.event[tie]), {})
        roles.setdefault(int(graph.ties.role[tie]), []).append(int(graph.ties.thing[tie]))
    for event in np.flatnonzero(which).tolist():
        place = graph.events.words[graph.events.said[event]].removeprefix("in ")
        things, back = (named.get(event, {}).get(role, []) for role in (USED, BACK))
        if rollback[event]:
            found.undo(place, event, things, back)
        else:
            found.promote(place, event, things)
    return found
