"""The part of a graph that an answer shows, with the names that entries give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from foretaste.data import Mask
from foretaste.ledger.event import Event, Thing
from foretaste.lineage.gathering import named_in_facts
from foretaste.lineage.graph import ASIDE, DERIVES, MADE, Graph, Ints
from foretaste.lineage.reading import Reading
from foretaste.lineage.taint import Taint
from foretaste.lineage.uses import Uses

LEARNING = ("model_trained", "federated_round")
TELLING = ("model", "dataset", "window", "round", "update", "source")  # kinds, before vaguer ones


class Naming(NamedTuple):
    """That an entry names a thing; how: in its facts alone, as used, or as made."""

    entry: int
    thing: Thing
    how: int


@dataclass(frozen=True, eq=False)
class View:
    """What was asked about, what it came from and what came of it.

    said: by whoever asks
    asked, origins, learned, causes: (things,) which things are shown, and why
    has: (things,) which have, or learned from, what was asked about, as far as is known
    left_out: how many more would belong here
    """

    reading: Reading
    graph: Graph
    taint: Taint
    uses: Uses
    said: str
    asked: Mask
    origins: Mask
    learned: Mask
    causes: Mask
    has: Mask
    left_out: int = 0

    def less(self, most: int) -> View:
        """The same with so many things at most; those that matter most stay.

        First what was asked about, what is bad or in use, then models that are spoilt, then others.
        """
        numbers = np.flatnonzero(self.shown)
        if len(numbers) <= most:
            return self
        models, used = (np.zeros(self.graph.things, bool) for _ in range(2))
        models[list(self.models)], used[list(self.uses.current.values())] = True, True
        rank = np.full(self.graph.things, 3)
        rank[models] = 2
        rank[models & self.taint.tainted] = 1
        rank[self.asked | self.taint.bad | used] = 0
        kept = np.zeros(self.graph.things, bool)
        kept[numbers[np.argsort(rank[numbers], kind="stable")][:most]] = True
        return replace(
            self,
            asked=self.asked & kept,
            origins=self.origins & kept,
            learned=self.learned & kept,
            causes=self.causes & kept,
            left_out=len(numbers) - most,
        )

    @property
    def shown(self) -> Mask:
        """(things,) all of these."""
        return self.asked | self.origins | self.learned | self.causes

    @cached_property
    def numbers(self) -> list[int]:
        """Of the things that are shown."""
        found: list[int] = np.flatnonzero(self.shown).tolist()
        return found

    @cached_property
    def ids(self) -> dict[int, int]:
        """Number of each thing that is shown -> its id in the answer."""
        return {number: place for place, number in enumerate(self.numbers)}

    def number(self, place: int) -> int:
        """The number of the thing with that id."""
        return self.numbers[place]

    @cached_property
    def aside(self) -> frozenset[int]:
        """Numbers of all rows that a cleaning set aside."""
        return frozenset(self.graph.ties.thing[self.graph.ties.role == ASIDE].tolist())

    @cached_property
    def edges(self) -> Ints:
        """Places of the edges between things that are shown."""
        edges = self.graph.edges
        return np.flatnonzero(self.shown[edges.source] & self.shown[edges.made])

    @cached_property
    def models(self) -> frozenset[int]:
        """Numbers of all things that came of training."""
        graph = self.graph
        ties = graph.ties.of(graph.events.of(*LEARNING, "model_mended"), MADE)
        return frozenset(graph.ties.thing[ties].tolist())

    @cached_property
    def events(self) -> dict[int, Event]:
        """By index, the events between things that are shown, and about them."""
        graph, found = self.graph, np.zeros(len(self.graph.events.index), bool)
        derives = graph.events.of(*DERIVES)
        found[graph.edges.event[self.edges]] = True
        found |= graph.about(self.shown) & ~derives
        made = graph.ties.of(derives, MADE, ASIDE)
        known = (self.asked | self.origins | self.causes)[graph.ties.thing[made]]
        found[graph.ties.event[made[known]]] = True
        events = self.reading.some(graph.events.index[found].tolist())
        return {index: events[index] for index in sorted(events)}

    @cached_property
    def named(self) -> dict[int, list[Naming]]:
        """Number of each thing that is shown -> entries that name it, and how, oldest first."""
        return self._named(self.reading.some(self._first(self.shown)) | self.events, set(self.ids))

    def _named(self, events: Mapping[int, Event], numbers: set[int]) -> dict[int, list[Naming]]:
        found: dict[int, list[Naming]] = {one: [] for one in sorted(numbers)}
        for index in sorted(events):
            event = events[index]
            parts = (tuple(named_in_facts(index, event)), event.used, event.made)
            told = [(how, thing) for how, things in enumerate(parts) for thing in things]
            for naming in (Naming(index, thing, how) for how, thing in told):
                for number in self.reading.gathering.numbers(naming.thing.digest).tolist():
                    if number in found:
                        found[number].append(naming)
        return found

    def called(self, number: int) -> Thing:
        """A thing that is shown, by what entries say of it."""
        return _called(self.named[number])

    def thing(self, number: int) -> Thing:
        """Any thing, shown or not, as the entry has it that names it first."""
        if number in self.named:
            return self.called(number)
        which = np.arange(self.graph.things) == number
        things = self._named(self.reading.some(self._first(which)), {number})
        return _called(things[number])

    def of_rows(self) -> list[int]:
        """Numbers of the things shown that are known by a root over their rows."""
        return [one for one in self.named if "rows" in self.called(one).digest]

    def _first(self, things: Mask) -> list[int]:
        """Indices of the entries that first name each of these things."""
        ties, which = self.graph.ties, things[self.graph.ties.thing]
        _, first = np.unique(ties.thing[which], return_index=True)
        found: list[int] = np.unique(self.graph.events.index[ties.event[which][first]]).tolist()
        return found


def _called(namings: Sequence[Naming]) -> Thing:
    """By the name that it was last made under, the kind that tells most, and all digests seen."""
    named = [naming for naming in namings if naming.how] or namings
    kinds = {naming.thing.kind for naming in named}
    kind = next((one for one in TELLING if one in kinds), named[-1].thing.kind)
    of_kind = [naming for naming in named if naming.thing.kind == kind]
    best = max(of_kind, key=lambda naming: (naming.how, naming.entry))
    digest = {a: d for naming in namings for a, d in naming.thing.digest.items()}
    return Thing(kind, best.thing.name, digest)
