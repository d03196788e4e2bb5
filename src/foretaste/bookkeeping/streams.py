"""Gates: windows that were over, what people decided, models that learned and were undone.

A gate's store is durable by itself. What happened in it is told to a ledger afterwards, from where
it was told last; so nothing is lost when a process is killed between the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path

from foretaste.bookkeeping.parts import MOST, batched, sha_of
from foretaste.bookkeeping.seeing import file_of
from foretaste.durable import write_durably
from foretaste.errors import BadRecord
from foretaste.gate.journal_rows import Held
from foretaste.gate.journal_view import Kept, View
from foretaste.gating import Sifted, Sinks
from foretaste.ledger.book import Book, waited
from foretaste.ledger.event import Event, Thing
from foretaste.updates.record import PullBack, Rollback, Update
from foretaste.updates.stored import StoredWindows
from foretaste.versions import version_of

PAGE = 500  # held records read at once
SOME = 50  # records beside them
OWN = ("arrived", "breach", "credential", "key")  # columns that a gate adds to a row


@dataclass(frozen=True)
class Told:
    """How much of a store a ledger knows.

    window:  number of the last window; history: lines of the updates' history
    reviews: ids of decisions that people made known
    """

    window: int = -1
    history: int = 0
    reviews: frozenset[str] = field(default_factory=frozenset)


def catch_up(book: Book, windows: StoredWindows, name: str) -> range:
    """Tells a ledger what happened in a store since it was told last; where that stands in it.

    windows: of the store; name: of it, for people
    """
    path = _mark(book, windows.folder)
    lock = waited(path.with_suffix(".lock"))
    try:
        events, now = _since(windows, name, book.rows, _read(path))
        if not events:
            return range(0)
        added = book.record(*events)
        said = {"window": now.window, "history": now.history, "reviews": sorted(now.reviews)}
        write_durably(path, json.dumps(said).encode())
        return added
    finally:
        lock.free()


def sifted(stream: str, sinks: Sinks, done: Sifted) -> tuple[Event, ...]:
    """That a stream was sorted into files by a gate without a store."""
    files = [("dataset", sinks.admitted), ("rows", sinks.held), ("rows", sinks.rejected)]
    made = tuple(file_of(kind, path) for kind, path in files if path is not None and path.exists())
    used = (file_of("dataset", Path(stream)),) if Path(stream).is_file() else ()
    facts = {
        "what": "gate",
        "kept": done.admitted,
        "quarantined": done.held + done.pulled + done.rejected,
        "windows": done.windows,
        "open": done.open,
    }
    return (Event("cleaning_decision", made, used, facts),) if made or used else ()


def _since(windows: StoredWindows, name: str, folder: Path, told: Told) -> tuple[list[Event], Told]:
    over = windows.view.windows(after=told.window)
    events = [_window(windows, one, name, folder) for one in over]
    reviewed = [one for one in _reviewed(windows.view) if one.decision.id not in told.reviews]
    events += [_decided(one) for one in reviewed]
    every = windows.history.events()
    for number, happened in enumerate(every[told.history :], told.history):
        events += _happened(happened, every[:number])
    now = Told(
        max([told.window, *(one.record.window for one in over)]),
        len(every),
        told.reviews | {one.decision.id for one in reviewed},
    )
    return events, now


def _window(windows: StoredWindows, kept: Kept, name: str, folder: Path) -> Event:
    record = kept.record
    digest = {"sha256": kept.file.stem if kept.rows else sha_of(record.id)}
    if kept.rows and kept.file.exists():  # else it was set aside before it could be told
        rows = windows.rows(kept.file.stem).without(*OWN)
        digest["rows"] = version_of([rows], sidecar=folder).root
    facts = {
        "number": record.window,
        "id": record.id,
        "records": record.records,
        "rows": record.admitted,
        "held": record.held,
        "rejected": record.rejected,
        "pulled": len(record.pulled),
        "content": record.content,
        "failures": list(record.failures),
    }
    thing = Thing("window", f"{name}#{record.window}", digest)
    return Event("gate_window", (thing,), (), facts)


def _reviewed(view: View) -> Iterator[Held]:
    """Held records that a person decided on."""
    for verdict in ("clean", "poison"):
        after = -1
        while page := view.held(verdict, after, PAGE):
            yield from page
            after = page[-1].decision.sequence


def _decided(held: Held) -> Event:
    row = Thing("row", held.decision.id, {"sha256": sha_of(held.decision.id)})
    verdict = "clean" if held.verdict == "clean" else "poisoned"
    facts = {"verdict": verdict, "decision": held.verdict, "cause": held.cause}
    return Event("human_decision", (), (row,), {**facts, "by": held.by, "why": held.why})


@singledispatch
def _happened(happened: object, before: Sequence[object]) -> list[Event]:
    """Events of one line of an updates' history; before: the lines before it."""
    raise BadRecord(f"a {type(happened).__name__} in the history of updates")


@_happened.register
def _(update: Update, before: Sequence[object]) -> list[Event]:
    made, at = _update(update.number, update.model), _second(update.time)
    pulled = [_record(one) for one in before if isinstance(one, PullBack)]
    facts = {
        "number": update.number,
        "recipe": update.recipe,
        "admitted": update.admitted,
        "parent": f"sha256:{update.parent}" if update.parent else "",
        "windows": len(update.learned),
        "canaries": len(update.guarded.canaries),
        "reasons": list(update.guarded.reasons),
    }
    told = [
        Event("model_trained", (made,), (*map(_learned, some), *pulled[-SOME:]), facts, at)
        for some in batched(update.learned, MOST)
    ]
    if update.admitted:
        to = {"to": "gate", "by": "canaries", "why": "every canary holds"}
        told.append(Event("checkpoint_promoted", (), (made,), to, at))
    return told


@_happened.register
def _(back: Rollback, before: Sequence[object]) -> list[Event]:
    models = {one.number: one.model for one in before if isinstance(one, Update)}
    undone = [_update(number, models[number]) for number in back.undone if number in models]
    facts = {
        "back_to": f"sha256:{models[back.back_to]}" if back.back_to in models else "",
        "to": "gate",
        "undone": list(back.undone),
        "rows": back.rows,
        "by": back.by,
        "why": back.why,
    }
    gone = [*undone, *map(_learned, back.windows)]
    at = _second(back.time)
    return [Event("rollback", (), some, facts, at) for some in batched(gone, MOST) if some]


@_happened.register
def _(look: PullBack, before: Sequence[object]) -> list[Event]:
    made, at = (_record(look),), _second(look.time)
    bad = {one.window for one in look.found}
    facts = {
        "verdict": look.verdict,
        "rows": look.rows,
        "flagged": len(look.found),
        "updates": list(look.updates),
    }
    return [
        Event(
            "scan_verdict",
            made,
            tuple(map(_learned, some)),
            {**facts, "windows": [f"sha256:{one}" for one in some if one in bad]},
            at,
        )
        for some in batched(look.windows, MOST)
    ]


def _record(look: PullBack) -> Thing:
    return Thing("record", f"pull-back {look.time}", {"sha256": sha_of(look.model_dump_json())})


def _update(number: int, model: str) -> Thing:
    return Thing("update", f"update {number}", {"sha256": model})


def _learned(digest: str) -> Thing:
    return Thing("window", digest[:12], {"sha256": digest})


def _second(time: str) -> str:
    """A time of the history to the second, as events have it."""
    return f"{time[:19]}Z"


def _mark(book: Book, folder: Path) -> Path:
    """Where it is kept how much of a store the ledger knows."""
    return book.folder / "marks" / f"{sha_of(str(folder.resolve()))[:24]}.json"


def _read(path: Path) -> Told:
    if not path.exists():
        return Told()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Told(int(said["window"]), int(said["history"]), frozenset(said["reviews"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadRecord(f"{path} is damaged ({error}); without it all is told anew") from error
