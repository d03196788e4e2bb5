"""A ledger, walked once for the graph, and asked again for the few entries that are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from foretaste.ledger.book import Book
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.event import Event
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import RolledBack
from foretaste.lineage.gathering import Gathering
from foretaste.lineage.wanted import Wanted

KEPT = 20_000  # events that are kept in memory as they are
FEW = 50  # times as many entries are read in a row as are read one by one in the same time


class Ledger(Protocol):
    """What verified entries are had from; `ledger.book.Book` is one."""

    def checkpoint(self) -> Checkpoint: ...

    def event(self, index: int) -> Event: ...

    def events(self) -> Iterator[tuple[int, Event]]: ...


@dataclass(frozen=True)
class Steady(Book):
    """A book that is read by one reader only: it never goes back, nor to another tree."""

    @cached_property
    def _reader(self) -> Reader:
        return super().reader()

    def reader(self) -> Reader:
        """The one."""
        return self._reader

    def checkpoint(self) -> Checkpoint:
        """The newest state, signed by the log and by as many witnesses as its policy wants."""
        return self.policy.check(self.reader().note().content)


def steady(ledger: Ledger) -> Ledger:
    """A ledger of which all entries that are asked for are of one tree."""
    if isinstance(ledger, Book):
        return Steady(ledger.folder, ledger.where, ledger.policy, ledger.authors)
    return ledger


@dataclass
class Reading:
    """All entries of a ledger, as numbers; and those that are asked for, as they are.

    Every entry comes from the ledger checked against its checkpoint, or nothing does: what the
    ledger refuses goes up as it is.
    """

    ledger: Ledger
    against: Checkpoint
    gathering: Gathering = field(default_factory=Gathering)
    _kept: dict[int, Event] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, ledger: Ledger, wanted: Sequence[Wanted]) -> Reading:
        """Walks all entries, looking out for things that are asked about."""
        one_tree = steady(ledger)
        reading = cls(one_tree, one_tree.checkpoint())
        for index, event in one_tree.events():
            if index >= reading.against.size:
                break
            reading.gathering.add(index, event)
            if index < KEPT:
                reading._kept[index] = event
            for one in wanted:
                one.see(index, event)
        if len(reading.gathering) < reading.against.size:
            raise RolledBack(
                f"{reading.against.origin} had {reading.against.size:,} entries a moment ago and "
                f"has {len(reading.gathering):,} now"
            )
        return reading

    def some(self, indices: Sequence[int]) -> dict[int, Event]:
        """Events by index."""
        found = {one: self._kept[one] for one in indices if one in self._kept}
        rest = {one for one in indices if one not in found}
        if len(rest) * FEW < self.against.size:
            return found | {one: self.ledger.event(one) for one in sorted(rest)}
        return found | {one: event for one, event in self.ledger.events() if one in rest}
