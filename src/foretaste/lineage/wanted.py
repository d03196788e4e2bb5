"""What somebody asks about, found in a ledger: by digest, by how one begins, or by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from foretaste.errors import BadInput
from foretaste.ledger.event import Event, Thing
from foretaste.lineage.gathering import NOTHING, Gathering, named_in_facts
from foretaste.lineage.graph import Ints

SHORTEST = 6  # hexadecimal digits that may stand for a digest
SHOWN = 12  # candidates in a message
_DIGITS = re.compile(rf"(?:(?:sha256|rows|folder):)?([0-9a-f]{{{SHORTEST},64}})", re.ASCII)


@dataclass
class Wanted:
    """A question's thing, looked for in every event that passes by.

    said:   by whoever asks
    digest: of a file or folder that is at hand; empty: `said` is a name, or begins a digest
    more:   gives further digests, where those are not known and more work may help
    row:    gives the digest of a row, where no thing is called so
    """

    said: str
    digest: Mapping[str, str] = field(default_factory=dict)
    more: Callable[[], Mapping[str, str]] | None = None
    row: Callable[[], bytes] | None = None
    _found: dict[tuple[str, str], tuple[int, Thing]] = field(default_factory=dict, repr=False)
    _named: dict[tuple[str, str], tuple[int, Thing]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        digits = _DIGITS.fullmatch(self.said)
        self._begins = digits.group(1) if digits and not self.digest else None

    @property
    def known(self) -> bool:
        """Whether an event named it, or began so."""
        return bool(self._found or self._named)

    def as_row(self) -> bytes | None:
        """The digest of the row that may be meant, if it is one."""
        if self.row is not None:
            return self.row()
        return bytes.fromhex(self._begins) if self._begins and len(self._begins) == 64 else None

    def see(self, index: int, event: Event) -> None:
        """Looks whether an event names it."""
        for thing in (*event.used, *event.made, *named_in_facts(index, event)):
            if thing.name == self.said:
                self._named.update((pair, (index, thing)) for pair in _pairs(thing))
            for pair in _pairs(thing):
                if self._begins is not None and pair[1].startswith(self._begins):
                    self._found[pair] = (index, thing)

    def numbers(self, gathering: Gathering) -> Ints:
        """Its number in a graph. Raises `BadInput` where nothing, or more than one, is meant."""
        at_hand = self._at_hand(gathering)
        if self.digest:
            return at_hand
        found = self._found or self._named
        by_number: dict[int, tuple[int, Thing]] = {}
        for (algorithm, digest), known in found.items():
            by_number |= dict.fromkeys(gathering.numbers({algorithm: digest}).tolist(), known)
        if len(by_number) > 1:
            raise BadInput(f"{self.said} may be any of these; say which digest:{_told(by_number)}")
        if not by_number:
            raise BadInput(
                f"the ledger tells of nothing called {self.said}, nor with a digest that begins so"
            )
        return np.array(sorted(by_number), np.int64)

    def _at_hand(self, gathering: Gathering) -> Ints:
        """The number of a file or folder by its digests."""
        found, digest = gathering.numbers(self.digest), dict(self.digest)
        if digest and not len(found) and self.more is not None:
            digest |= self.more()
            found = gathering.numbers(digest)
        if digest and not len(found):
            raise BadInput(self._changed(digest))
        return found

    def _changed(self, digest: Mapping[str, str]) -> str:
        told = ", ".join(f"{a}:{d[:16]}…" for a, d in digest.items())
        other = dict(enumerate(dict.fromkeys(self._named.values())))
        known = f"; of that name it knows:{_told(other)}" if other else ""
        return f"the ledger does not know {self.said} as it is now ({told}){known}"


def _pairs(thing: Thing) -> Iterator[tuple[str, str]]:
    return (pair for pair in thing.digest.items() if pair[1] != NOTHING)


def _told(candidates: Mapping[int, tuple[int, Thing]]) -> str:
    lines = [
        f"\n  {thing.kind} {thing.name}  {' '.join(f'{a}:{d}' for a, d in thing.digest.items())}"
        f"  (entry {index})"
        for index, thing in list(candidates.values())[:SHOWN]
    ]
    more = len(candidates) - SHOWN
    return "".join(lines) + (f"\n  … and {more:,} more" if more > 0 else "")
