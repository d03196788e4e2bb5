"""Many things shown as few: runs of windows and rounds, and things that lie alike, as one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from foretaste.lineage.answer import Answer, ThingNote

ENOUGH = 24  # things that are shown one by one
MANY = 120  # bundles of which even what is bad or in use is put together
FEWEST = 4  # that are worth a bundle
LARGEST = 5_000  # things of which ways past others are looked for
Ways = set[tuple[int, int]]  # from what, into what


@dataclass(frozen=True)
class Bundle:
    """Things shown as one: alike, and tied alike.

    members: ids, in the order of the ledger
    """

    members: tuple[int, ...]

    @property
    def id(self) -> int:
        """Of its first member."""
        return self.members[0]


@dataclass(frozen=True)
class Line:
    """That a bundle was made from another; by which entries."""

    source: int
    made: int
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Bundled:
    """An answer's things and origins, as few as can be told apart."""

    bundles: Mapping[int, Bundle]
    lines: tuple[Line, ...]

    def sources(self, bundle: int) -> list[Line]:
        """What a bundle was made from."""
        return [one for one in self.lines if one.made == bundle]

    def made(self, bundle: int) -> list[Line]:
        """What was made from a bundle."""
        return [one for one in self.lines if one.source == bundle]


def bundled(answer: Answer, enough: int = ENOUGH) -> Bundled:
    """Bundles of an answer's things; each by itself where there are few.

    Where there are many, a way is left out that only leads past others: a model that learned from
    all windows so far is shown after the model before it and the newest window.
    """
    into = {one.id: one.id for one in answer.things}
    ways: Ways = {(one.source, one.made) for one in answer.origins}
    for limit, alone in ((enough, True), (MANY, False)):
        if len(set(into.values())) > limit:
            into, ways = _merged(into, ways, {one.id: _like(one, alone) for one in answer.things})
    return _put(answer, into, ways)


def _merged(
    into: dict[int, int], ways: Ways, alike: Mapping[int, Hashable]
) -> tuple[dict[int, int], Ways]:
    """Puts together what is alike, until nothing more is."""
    while True:
        there = set(into.values())
        ways = _shortened(ways) if len(there) <= LARGEST else ways
        merged = _siblings(ways, alike, there) or _runs(ways, alike)
        if not merged:
            return into, ways
        into = {one: merged.get(to, to) for one, to in into.items()}
        ways = {(merged.get(a, a), merged.get(b, b)) for a, b in ways}
        ways = {(a, b) for a, b in ways if a != b}


def _put(answer: Answer, into: Mapping[int, int], ways: Ways) -> Bundled:
    members: dict[int, list[int]] = {}
    for one, to in sorted(into.items()):
        members.setdefault(to, []).append(one)
    entries: dict[tuple[int, int], set[int]] = {one: set() for one in ways}
    for origin in answer.origins:
        way = (into[origin.source], into[origin.made])
        if way in entries:
            entries[way].add(origin.entry)
    lines = [Line(a, b, tuple(sorted(entries[a, b]))) for a, b in sorted(ways)]
    return Bundled({to: Bundle(tuple(some)) for to, some in members.items()}, tuple(lines))


def _like(thing: ThingNote, alone: bool) -> Hashable:
    """What two things must share to be shown as one.

    alone: what is bad or in use is shown by itself, as what was asked about always is
    """
    alone = thing.relation == "asked" or (alone and (bool(thing.in_use) or thing.state == "bad"))
    undone = thing.undone is not None
    used = bool(thing.in_use)
    return (thing.kind, thing.state, thing.relation, undone, used, thing.id if alone else -1)


def _siblings(ways: Ways, alike: Mapping[int, Hashable], there: Iterable[int]) -> dict[int, int]:
    """Alike things with the same origins, out of which the same was made: each into the first."""
    sources, made = _neighbours(ways)
    groups: dict[Hashable, list[int]] = {}
    for one in sorted(there):
        key = (alike[one], frozenset(sources.get(one, ())), frozenset(made.get(one, ())))
        groups.setdefault(key, []).append(one)
    return {one: some[0] for some in groups.values() if len(some) >= FEWEST for one in some[1:]}


def _runs(ways: Ways, alike: Mapping[int, Hashable]) -> dict[int, int]:
    """Alike things made one out of the other: all between the first and the last of a run."""
    sources, made = _neighbours({(a, b) for a, b in ways if alike[a] == alike[b]})
    after = {a: next(iter(some)) for a, some in made.items() if len(some) == 1}
    after = {a: b for a, b in after.items() if len(sources[b]) == 1}
    found: dict[int, int] = {}
    for start in sorted(set(after) - set(after.values())):
        run = [start]
        while run[-1] in after:
            run.append(after[run[-1]])
        if len(run) > FEWEST:
            found |= dict.fromkeys(run[2:-1], run[1])
    return found


def _shortened(ways: Ways) -> Ways:
    """Ways less those that lead past others: of a → b → c and a → c the latter."""
    _, made = _neighbours(ways)
    order = in_order(ways)
    place = {one: at for at, one in enumerate(order)}
    reached: dict[int, int] = {}
    kept: Ways = set()
    for one in reversed(order):
        covered = 0
        for other in sorted(made.get(one, ()), key=place.__getitem__):
            if not covered >> place[other] & 1:
                kept.add((one, other))
                covered |= reached[other] | 1 << place[other]
        reached[one] = covered
    return kept


def in_order(ways: Ways) -> list[int]:
    """All that ways tie, each after what it was made from."""
    sources, made = _neighbours(ways)
    waiting = {one: len(sources.get(one, ())) for one in {*sources, *made}}
    free = sorted((one for one, count in waiting.items() if not count), reverse=True)
    order = []
    while free:
        one = free.pop()
        order.append(one)
        for other in sorted(made.get(one, ()), reverse=True):
            waiting[other] -= 1
            if not waiting[other]:
                free.append(other)
    return order


def _neighbours(ways: Ways) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    sources: dict[int, set[int]] = {}
    made: dict[int, set[int]] = {}
    for a, b in ways:
        sources.setdefault(b, set()).add(a)
        made.setdefault(a, set()).add(b)
    return sources, made
