"""What a ledger tells: things, named by digest, and what happened to them.

An event is written as an in-toto Statement: its subjects are what was made (or, where nothing was,
what it speaks of), the predicate says what was used, when, by which program, and the facts. Digests
and verdicts only: no row, no text, nothing that somebody may have to delete later.

References
----------
in-toto (2024). Attestation Framework, Statement v1, ResourceDescriptor v1.
https://github.com/in-toto/attestation
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from foretaste.errors import BadInput
from foretaste.ledger.dsse import read_json
from foretaste.ledger.refusals import MalformedEntry
from foretaste.ledger.tiles import LONGEST

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://github.com/foretaste/foretaste/predicates/"
SCHEMA = 1
MOST = 256  # things in one event

KINDS = (
    "source_registered",
    "dataset_version",
    "scan_verdict",
    "cleaning_decision",
    "human_decision",
    "attack_planted",
    "model_trained",
    "model_mended",
    "model_verdict",
    "checkpoint_promoted",
    "federated_round",
    "gate_window",
    "rollback",
    "artefact_signed",
)
THINGS = (
    "source", "dataset", "rows", "row", "model", "file", "record", "update", "window", "round"
)  # fmt: skip
VERDICTS = ("scan_verdict", "model_verdict", "human_decision")  # kinds that may judge
ALGORITHMS = ("sha256", "rows", "folder")
# sha256: of a file's bytes; rows: Merkle root over digests of rows; folder: root of signed files

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that events speak of.

    kind:   one of `THINGS`
    name:   for people: a path, an address; means nothing
    digest: algorithm -> 64 hexadecimal digits; all that are known
    """

    kind: str
    name: str
    digest: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", MappingProxyType(dict(self.digest)))
        if self.kind not in THINGS:
            raise MalformedEntry(f"a thing of kind {self.kind[:40]!r}; there are {THINGS}")
        wrong = [a for a, hexa in self.digest.items() if not _HEX.fullmatch(hexa)]
        if not self.digest or wrong or not set(self.digest) <= set(ALGORITHMS):
            raise MalformedEntry(
                f"{self.name[:80]!r} has digests {list(self.digest)[:5]}; wanted is at least one "
                f"of {ALGORITHMS}, each of 64 hexadecimal digits"
            )

    def __hash__(self) -> int:
        return hash((self.kind, self.name, tuple(sorted(self.digest.items()))))

    def __reduce__(self) -> tuple[Any, ...]:
        return Thing, (self.kind, self.name, dict(self.digest))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    kind:  one of `KINDS`
    made:  what came of it; used: what it came from, or speaks of; at least one thing in all
    facts: what else is to be known, as JSON has it
    at:    when, in UTC, as the clock of whoever wrote it had it: `2026-11-23T04:05:06Z`
    by:    the program that wrote it

    >>> sms = Thing("dataset", "sms.csv", {"sha256": "0" * 64})
    >>> event = Event("dataset_version", (sms,), (), {"rows": 5574}, "2026-11-23T04:05:06Z", "me")
    >>> read_event(statement(event)) == event
    True
    """

    kind: str
    made: tuple[Thing, ...] = ()
    used: tuple[Thing, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise MalformedEntry(f"an event of kind {self.kind[:40]!r}; there are {KINDS}")
        if not 1 <= len(self.made) + len(self.used) <= MOST:
            raise MalformedEntry(
                f"{self.kind} with {len(self.made) + len(self.used):,} things; 1 to {MOST} may be"
            )
        object.__setattr__(self, "at", self.at or now())
        object.__setattr__(self, "by", self.by or _program())
        if not _WHEN.fullmatch(self.at):
            raise MalformedEntry(f"{self.kind} at {self.at[:40]!r}; wanted is 2026-11-23T04:05:06Z")


@functools.cache
def _program() -> str:
    return f"foretaste {version('foretaste')}"


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def verdict_of(event: Event) -> str:
    """What an event says of the things it is about: clean, dirty, poisoned; "" for nothing.

    A verdict that is no proof of health is one of poison.
    """
    said = str(event.facts.get("verdict", ""))
    if said in ("clean", "dirty"):
        return said
    return "poisoned" if said or event.kind in ("scan_verdict", "model_verdict") else ""


def statement(event: Event) -> bytes:
    """The Statement of an event; the same event gives the same bytes.

    Raises `BadInput` for facts that JSON has no words for.
    """
    subjects, others = (event.made, event.used) if event.made else (event.used, ())
    said = {
        "_type": STATEMENT,
        "subject": [_described(thing) for thing in subjects],
        "predicateType": f"{PREDICATE}{event.kind}/v{SCHEMA}",
        "predicate": {
            "subjects": "made" if event.made else "used",
            "used": [_described(thing) for thing in others],
            "at": event.at,
            "by": event.by,
            "facts": dict(event.facts),
        },
    }
    try:
        told = json.dumps(said, separators=(",", ":"), sort_keys=True, allow_nan=False)
        return told.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise BadInput(f"{event.kind}: its facts cannot be written as JSON: {error}") from error


def read_event(content: bytes) -> Event:
    """The event of a Statement. Raises `MalformedEntry` for a Statement that is none of ours."""
    said = read_json(content, LONGEST)
    try:
        predicate = said["predicate"]
        kind = _kind(said["_type"], said["predicateType"])
        subjects, used = (tuple(map(_thing, part)) for part in (said["subject"], predicate["used"]))
        made, used = (subjects, used) if predicate["subjects"] == "made" else ((), subjects)
        words, facts = (predicate["at"], predicate["by"]), predicate["facts"]
        if not isinstance(facts, dict) or not all(isinstance(word, str) for word in words):
            raise TypeError("its facts are no object")
        return Event(kind, made, used, facts, *words)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEntry(f"no event of a ledger: {type(error).__name__} {error}") from error


def _kind(form: Any, predicate: Any) -> str:
    if form != STATEMENT or not isinstance(predicate, str) or not predicate.startswith(PREDICATE):
        raise MalformedEntry(f"a statement of type {str(predicate)[:120]!r}, which is none of ours")
    kind, _, schema = predicate.removeprefix(PREDICATE).partition("/v")
    if schema != str(SCHEMA):
        raise MalformedEntry(f"an event of schema {schema[:20]!r}; this program reads {SCHEMA}")
    return kind


def _described(thing: Thing) -> dict[str, Any]:
    told = {"name": thing.name, "digest": dict(thing.digest)}
    return {**told, "annotations": {"kind": thing.kind}}


def _thing(said: Any) -> Thing:
    name, kind, digest = said["name"], said["annotations"]["kind"], said["digest"]
    if not isinstance(name, str) or not isinstance(kind, str) or not isinstance(digest, dict):
        raise TypeError("a thing without name, kind or digest")
    if not all(isinstance(one, str) for one in digest.values()):
        raise TypeError("a digest that is no text")
    return Thing(kind, name, digest)
