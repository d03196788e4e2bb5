"""Signed models and data sets: written down, and looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foretaste import readers
from foretaste.artefacts import Held
from foretaste.bookkeeping.seeing import model_of
from foretaste.errors import BadInput, MissingExtra
from foretaste.ledger.book import Book
from foretaste.ledger.event import VERDICTS, Event, Thing, verdict_of
from foretaste.versions import version_of

MODELS = frozenset(
    ".safetensors .pt .pth .bin .onnx .gguf .h5 .hdf5 .keras .ckpt .pkl .pickle .joblib".split()
)


@dataclass(frozen=True)
class Known:
    """What a ledger tells of something; each of its entries has been checked.

    origin, size: of the log; entries: those that name it
    verdict: the last one, "poisoned" where it was planted; None: nobody judged it
    at:      the entry with that verdict
    """

    origin: str
    size: int
    entries: tuple[int, ...]
    verdict: str | None = None
    at: int | None = None


def thing_of(held: Held, roles: Mapping[str, str] | None = None) -> Thing:
    """What was signed, by every name that a ledger has for it.

    roles: of a data set's columns, where they should not be inferred
    """
    digest = held.digest
    names = [held.path.name if name == "." else name for name in held.listed.files]
    if any(Path(name).suffix.lower() in MODELS for name in names):
        whole = digest if "sha256" in digest else {**model_of(held.path).digest, **digest}
        return Thing("model", str(held.path), whole)
    try:
        version = version_of(readers.open(str(held.path), roles))
    except (BadInput, MissingExtra):
        return Thing("file", str(held.path), digest)
    return Thing("dataset", str(held.path), {**digest, "rows": version.root})


def signed(held: Held, thing: Thing) -> Event:
    """That somebody signed this."""
    facts = {"files": len(held.listed.files), "bytes": held.bytes, "key": held.signer}
    return Event("artefact_signed", (), (thing,), facts)


def known(book: Book, thing: Thing) -> Known:
    """What a ledger tells of a thing, once all of the ledger has been checked.

    Raises `LedgerRefused` where it cannot be trusted.
    """
    found = book.policy.check(book.reader().note().content)
    wanted, entries = set(thing.digest.items()), list[int]()
    verdict, at, planted = None, None, False
    for index, event in book.events(0, found.size):
        made, used = (_names(things, wanted) for things in (event.made, event.used))
        if not (made or used):
            continue
        entries.append(index)
        if made and event.kind == "attack_planted":
            verdict, at, planted = "poisoned", index, True
        said = verdict_of(event) if used and event.kind in VERDICTS else ""
        if said and not planted:
            verdict, at = said, index
    return Known(found.origin, found.size, tuple(entries), verdict, at)


def _names(things: tuple[Thing, ...], wanted: set[tuple[str, str]]) -> bool:
    return any(wanted & set(thing.digest.items()) for thing in things)
