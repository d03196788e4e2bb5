"""What somebody asks about, found in a ledger: by digest, by how one begins, or by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from foretaste.errors import BadInput
from foretaste.ledger.event import Event, Thing
from foretaste.lineage.gathering import NOTHING, Gathering
from foretaste.lineage.graph import Ints

SHORTEST = 6  # hexadecimal digits that may stand for a digest
SHOWN = 12  # candidates in a message
_DIGITS = re.compile(rf"(?:(?:sha256|rows|folder):)?([0-9a-f]{{{SHORTEST},64}})", re.ASCII)


@dataclass
class Wanted:
    """A question's thing, looked for in every event that passes by.

    said:   by whoever asks
    digest: of a file or folder that is at hand; empty: `said` is a name, or begins a digest
    """

    said: str
    digest: Mapping[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, str], tuple[int, Thing]] = field(default_factory=dict, repr=False)
    _named: dict[tuple[str, str], tuple[int, Thing]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        digits = _DIGITS.fullmatch(self.said)
        self._begins = digits.group(1) if digits and not self.digest else None

    def see(self, index: int, event: Event) -> None:
        """Looks whether an event names it."""
        for thing in (*event.used, *event.made):
            if thing.name == self.said:
                self._named.update((pair, (index, thing)) for pair in _pairs(thing))
            for pair in _pairs(thing):
                if self._is(*pair):
                    self._found[pair] = (index, thing)

    def numbers(self, gathering: Gathering) -> Ints:
        """Its number in a graph. Raises `BadInput` where nothing, or more than one, is meant."""
        found = self._found or ({} if self.digest else self._named)
        by_number: dict[int, tuple[int, Thing]] = {}
        for (algorithm, digest), known in found.items():
            by_number |= dict.fromkeys(gathering.numbers({algorithm: digest}).tolist(), known)
        if len(by_number) > 1 and not self.digest:
            raise BadInput(f"{self.said} may be any of these; say which digest:{_told(by_number)}")
        if not by_number:
            raise BadInput(self._unknown())
        return np.array(sorted(by_number), np.int64)

    def _is(self, algorithm: str, digest: str) -> bool:
        if self._begins is not None:
            return digest.startswith(self._begins)
        return self.digest.get(algorithm) == digest

    def _unknown(self) -> str:
        if not self.digest:
            return (
                f"the ledger tells of nothing called {self.said}, nor with a digest that begins so"
            )
        told = ", ".join(f"{a}:{d[:16]}…" for a, d in self.digest.items())
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
