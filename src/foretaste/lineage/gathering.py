"""From the entries of a ledger to a graph, in one walk that keeps numbers and no entry."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from foretaste.ledger.event import ALGORITHMS, Event, Thing, verdict_of
from foretaste.lineage.graph import (
    ACCUSED,
    ASIDE,
    BACK,
    BESIDE,
    DERIVES,
    MADE,
    USED,
    Edges,
    Events,
    Graph,
    Ints,
    Ties,
    without_returns,
)

NOTHING = hashlib.sha256(b"").hexdigest()  # of no bytes and of no rows: it identifies nothing
HEXADECIMAL = re.compile("[0-9a-f]{64}", re.ASCII)
FACTS = (
    ("accused", ACCUSED, "rows", "accused in entry"),
    ("back_to", BACK, "model", "in use again since entry"),
)
_FIELDS = 3  # event, thing, role: of a naming


class Gathering:
    """Takes in events in any order, and numbers things by their digests.

    Memory: about 600 bytes an event of a gate, which names six things (measured; see
    `benchmarks/lineage_speed.py`). No text is kept but kinds, verdicts and places of use.

    >>> from foretaste.ledger.event import Thing
    >>> rows = Thing("dataset", "a.csv", {"sha256": "1" * 64})
    >>> model = Thing("model", "m.safetensors", {"sha256": "2" * 64})
    >>> gathering = Gathering()
    >>> gathering.add(0, Event("model_trained", made=(model,), used=(rows,)))
    >>> graph = gathering.graph()
    >>> graph.below(gathering.numbers(rows.digest)).tolist()
    [False, True]
    """

    def __init__(self) -> None:
        self._digests: dict[bytes, int] = {}
        self._same = array("i")  # of each digest one that means the same thing; itself: a root
        self._ties = array("i")
        self._index, self._kind, self._said = array("q"), array("i"), array("i")
        self._kinds: dict[str, int] = {}
        self._words: dict[str, int] = {"": 0}
        self._number: Ints | None = None

    def __len__(self) -> int:
        return len(self._index)

    def add(self, index: int, event: Event) -> None:
        """Takes in the event of one entry."""
        place = len(self._index)
        self._number = None
        self._index.append(index)
        self._kind.append(self._kinds.setdefault(event.kind, len(self._kinds)))
        self._said.append(self._words.setdefault(word(event), len(self._words)))
        for role, digest in named(event):
            thing = self._thing(digest)
            if thing is not None:
                self._ties.extend((place, thing, role))

    def graph(self) -> Graph:
        """All of it; the same whatever the order in which events came."""
        ties = np.array(self._ties, np.int32).reshape(-1, _FIELDS)
        index = np.array(self._index, np.int64)
        order = np.argsort(index, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        event = place[ties[:, 0]]
        sequence = np.argsort(event, kind="stable")
        event, digest, role = event[sequence], ties[sequence, 1], ties[sequence, 2]
        del ties, sequence
        thing = self._numbered(digest)
        things = int(thing.max(initial=-1)) + 1
        found = Ties(event, thing, role.astype(np.int64))
        events = Events(
            index[order],
            np.array(self._kind, np.int64)[order],
            np.array(self._said, np.int64)[order],
            tuple(self._kinds),
            tuple(self._words),
        )
        return Graph(things, events, found, without_returns(things, _edges(events, found)))

    def numbers(self, digest: Mapping[str, str]) -> Ints:
        """Numbers of the things that have one of these digests; valid once there is a graph."""
        if self._number is None:
            self.graph()
        keys = (self._digests.get(_key(a, h)) for a, h in digest.items() if h != NOTHING)
        roots = [self._root(one) for one in keys if one is not None]
        found: Ints = np.unique(self._number[roots]) if roots else np.zeros(0, np.int64)  # type: ignore[index]
        return found

    def _thing(self, digest: Mapping[str, str]) -> int | None:
        """A digest that stands for the thing; digests named together mean one thing."""
        first: int | None = None
        for algorithm, text in digest.items():
            if text == NOTHING:
                continue
            number = self._digests.setdefault(_key(algorithm, text), len(self._digests))
            if number == len(self._same):
                self._same.append(number)
            if first is None:
                first = number
            else:
                self._join(first, number)
        return first

    def _join(self, one: int, other: int) -> None:
        low, high = sorted((self._root(one), self._root(other)))
        self._same[high] = low

    def _root(self, number: int) -> int:
        while (parent := self._same[number]) != number:
            self._same[number] = self._same[parent]
            number = parent
        return number

    def _numbered(self, digests: npt.NDArray[np.int32]) -> Ints:
        """Numbers of the things that digests stand for, in the order in which they are named."""
        roots = np.fromiter(map(self._root, range(len(self._same))), np.int64, len(self._same))
        named_roots = roots[digests]
        distinct, first, inverse = np.unique(named_roots, return_index=True, return_inverse=True)
        rank = np.empty(len(distinct), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(distinct))
        number = np.full(len(roots), -1, np.int64)
        number[distinct] = rank
        self._number = number
        numbered: Ints = rank[inverse.reshape(-1)]
        return numbered


def named(event: Event) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Digests that an event names, and how."""
    judged = _judged(event)
    for thing in event.used:
        yield (BESIDE if thing.kind == "record" or thing not in judged else USED), thing.digest
    for thing in event.made:
        yield _role_of_made(event.kind, thing.kind), thing.digest
    for role, thing in _in_facts(0, event):
        yield role, thing.digest


def named_in_facts(index: int, event: Event) -> Iterator[Thing]:
    """Things that only facts name."""
    return (thing for _, thing in _in_facts(index, event))


def _in_facts(index: int, event: Event) -> Iterator[tuple[int, Thing]]:
    for fact, role, kind, name in FACTS:
        algorithm, _, digest = str(event.facts.get(fact) or "").partition(":")
        if algorithm in ALGORITHMS and HEXADECIMAL.fullmatch(digest):
            yield role, Thing(kind, f"{name} {index}", {algorithm: digest})


def word(event: Event) -> str:
    """The one word of an event that decides: a verdict, or where a model is used."""
    if event.kind in ("checkpoint_promoted", "rollback"):
        return "in " + str(event.facts.get("to", ""))[:256]
    return verdict_of(event)


def gathered(events: Iterable[tuple[int, Event]]) -> Gathering:
    """All events of a ledger, taken in."""
    gathering = Gathering()
    for index, event in events:
        gathering.add(index, event)
    return gathering


def _judged(event: Event) -> tuple[Thing, ...]:
    """What an event speaks of: of a verdict the first thing, or the windows that it finds bad.

    Others helped to judge, such as rows known to be clean, or nothing was found in them.
    """
    if event.kind not in ("scan_verdict", "model_verdict"):
        return event.used
    windows = event.facts.get("windows")
    if not isinstance(windows, list):
        return event.used[:1]
    return tuple(thing for thing in event.used if f"sha256:{thing.digest.get('sha256')}" in windows)


def _role_of_made(event: str, thing: str) -> int:
    if thing == "record" or event not in DERIVES:
        return BESIDE
    return ASIDE if event == "cleaning_decision" and thing == "rows" else MADE


def _edges(events: Events, ties: Ties) -> Edges:
    """Each thing that an event used with each that it made."""
    derives = events.of(*DERIVES)
    used, made = ties.of(derives, USED), ties.of(derives, MADE, ASIDE)
    by_event = np.bincount(ties.event[used], minlength=len(events.index))
    starts = np.cumsum(by_event) - by_event
    times = by_event[
        ties.event[made]
    ]  # used is in the order of events, so those of one lie together
    again = np.repeat(made, times)
    offset = np.arange(len(again)) - np.repeat(np.cumsum(times) - times, times)
    source = used[starts[ties.event[again]] + offset]
    return Edges(ties.thing[source], ties.thing[again], ties.event[again])


def _key(algorithm: str, digest: str) -> bytes:
    """A digest as few bytes; two algorithms never give the same."""
    return bytes((ALGORITHMS.index(algorithm),)) + bytes.fromhex(digest)
