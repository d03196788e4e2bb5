"""The things that events speak of, each once, however few of its digests an event knew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from foretaste.ledger.event import ALGORITHMS, Event, Thing

Numbered = tuple[int | None, Event]  # an event, and its entry's number in the ledger if it has one

_VAGUE = ("file", "rows")  # kinds that say less of a thing than any other


@dataclass(frozen=True)
class Things:
    """Things by any of their digests.

    >>> short, long = Thing("file", "a", {"sha256": "0" * 64}), Thing("model", "a", {"sha256":
    ... "0" * 64, "folder": "1" * 64})
    >>> [thing.kind for thing in Things.of([(0, Event("artefact_signed", (short,), (long,)))])]
    ['model']
    """

    found: dict[tuple[str, str], Thing] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Numbered]) -> Things:
        """All things of some events; what shares a digest is one thing."""
        things = cls()
        for _, event in events:
            for thing in (*event.made, *event.used):
                things._join(thing)
        return things

    def __iter__(self) -> Iterator[Thing]:
        return iter(dict.fromkeys(self.found.values()))

    def whole(self, thing: Thing) -> Thing:
        """The same thing with all that is known of it."""
        return next((self.found[key] for key in _keys(thing) if key in self.found), thing)

    def _join(self, thing: Thing) -> None:
        known = dict.fromkeys(self.found[key] for key in _keys(thing) if key in self.found)
        joined = thing
        for other in known:
            telling = joined if other.kind in _VAGUE else other
            joined = Thing(telling.kind, telling.name, {**joined.digest, **other.digest})
        for key in _keys(joined):
            self.found[key] = joined


def ref(thing: Thing) -> str:
    """A name for a thing that only its content decides.

    >>> ref(Thing("dataset", "sms.csv", {"rows": "ab" * 32}))[:20]
    'dataset:rows:abababa'
    """
    algorithm = next(one for one in ALGORITHMS if one in thing.digest)
    return f"{thing.kind}:{algorithm}:{thing.digest[algorithm]}"


def _keys(thing: Thing) -> list[tuple[str, str]]:
    return [*thing.digest.items()]
