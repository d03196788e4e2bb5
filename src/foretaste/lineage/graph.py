"""Things and the events that tie them, as numbers: what was made from what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from foretaste.data import Mask

Ints = npt.NDArray[np.int64]
USED, MADE, ASIDE, BESIDE, ACCUSED, BACK = range(6)  # how an event names a thing
# ASIDE: made, by setting rows aside; BESIDE: a record, or what only helped; ACCUSED: rows that a
# verdict accuses; BACK: the model in use again
DERIVES = (
    "dataset_version",
    "cleaning_decision",
    "attack_planted",
    "model_trained",
    "model_mended",
    "federated_round",
    "gate_window",
)  # kinds of event by which what they made comes from what they used; all others are about a thing


@dataclass(frozen=True, eq=False)
class Events:
    """What is kept of each event, in the order of the ledger.

    index: (e,) of its entry in the ledger
    kind:  (e,) place in `kinds`
    said:  (e,) a word of it, as a place in `words`: a verdict, where a model is used; "" for none
    """

    index: Ints
    kind: Ints
    said: Ints
    kinds: tuple[str, ...]
    words: tuple[str, ...]

    def of(self, *kinds: str) -> Mask:
        """(e,) which events are of one of these kinds."""
        return np.isin(self.kind, [self.kinds.index(one) for one in kinds if one in self.kinds])

    def saying(self, *words: str) -> Mask:
        """(e,) which events said one of these words."""
        return np.isin(self.said, [self.words.index(one) for one in words if one in self.words])


@dataclass(frozen=True, eq=False)
class Ties:
    """Which event names which thing, and how: a line a naming.

    event: (t,) place among the events
    thing: (t,) number of the thing
    role:  (t,) USED, MADE, ASIDE, BESIDE, ACCUSED or BACK
    """

    event: Ints
    thing: Ints
    role: Ints

    def of(self, events: Mask, *roles: int) -> Ints:
        """Places of the namings by some events in some of these ways."""
        return np.flatnonzero(events[self.event] & np.isin(self.role, roles))


@dataclass(frozen=True, eq=False)
class Edges:
    """What was made from what, by which event: a line an origin.

    source, made: (l,) numbers of things
    event:        (l,) place among the events
    """

    source: Ints
    made: Ints
    event: Ints

    def only(self, which: Mask) -> Edges:
        """Some of them."""
        return Edges(self.source[which], self.made[which], self.event[which])


@dataclass(frozen=True, eq=False)
class Graph:
    """Things, numbered as the ledger first names them, and what was made from what.

    things: how many there are

    Content that came back is the same thing, yet origins never go round in a circle: where a later
    event makes what there was before, such as a cleaning that gives back the rows that were there
    before the poison, that way back is left out.
    """

    things: int
    events: Events
    ties: Ties
    edges: Edges

    def below(self, starts: Ints, edges: Edges | None = None) -> Mask:
        """(things,) what was made from any of these, directly or not; they themselves are not."""
        ways = edges or self.edges
        return self._reached(starts, ways.source, ways.made)

    def above(self, starts: Ints) -> Mask:
        """(things,) what any of these was made from, directly or not; they themselves are not."""
        return self._reached(starts, self.edges.made, self.edges.source)

    def about(self, things: Mask) -> Mask:
        """(events,) which events name one of these things."""
        found: Mask = np.zeros(len(self.events.index), bool)
        found[self.ties.event[things[self.ties.thing]]] = True
        return found

    def _reached(self, starts: Ints, out: Ints, into: Ints) -> Mask:
        """By way of one more node that leads to every start, so that one walk is enough."""
        begin = self.things
        rows = np.concatenate([out, np.full(len(starts), begin)])
        columns = np.concatenate([into, starts])
        ways = csr_matrix(
            (np.ones(len(rows), np.int8), (rows, columns)), shape=(begin + 1, begin + 1)
        )
        seen = np.zeros(begin + 1, bool)
        seen[breadth_first_order(ways, begin, return_predecessors=False)] = True
        found: Mask = seen[:begin]
        found[starts] = False
        return found


def without_returns(things: int, edges: Edges) -> Edges:
    """The edges less those by which content that was there before came back.

    Things are numbered as they first appear. Only where things lie on a circle does their order
    count; elsewhere an origin that was written down late is an origin all the same.
    """
    edges = edges.only(edges.source != edges.made)
    shape = (things, things)
    ways = csr_matrix((np.ones(len(edges.made), np.int8), (edges.source, edges.made)), shape=shape)
    _, circle = connected_components(ways, directed=True, connection="strong")
    back = (circle[edges.source] == circle[edges.made]) & (edges.made < edges.source)
    return edges.only(~back)
