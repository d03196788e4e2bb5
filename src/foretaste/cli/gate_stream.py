"""What the commands of `foretaste gate` do to streams and stores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from foretaste.cli.ledgers import entered, told
from foretaste.cli.screen import stdout
from foretaste.gate.feeding import fed, stored
from foretaste.gate.gate import Gate
from foretaste.gate.journal import Journal
from foretaste.gate.journal_view import View
from foretaste.gate.keeper import Keeper
from foretaste.gate.records import Records
from foretaste.gate.replay import ReplayRecord, replay
from foretaste.gate.settings import GateSettings, Opening, read_settings, settings_of
from foretaste.gate.stores import Stored, begun
from foretaste.gating import Judge, Keeping, Passing, Sifted, Sinks, dated, sift
from foretaste.origin.batches import beside, check_file
from foretaste.scanning.watch import Progress

if TYPE_CHECKING:
    from foretaste.ledger.book import Book


@dataclass(frozen=True)
class Way:
    """Where a stream comes from and goes to, in the words of the command line."""

    stream: str
    format: str | None
    recorded: bool
    sinks: Sinks


def chosen(config: Path | None, said: dict[str, object]) -> GateSettings:
    """Settings from a file, and from options, which count more."""
    if config is None:
        return settings_of(said)
    return settings_of({**read_settings(config).model_dump(exclude_defaults=True), **said})


def streamed(settings: GateSettings, way: Way, progress: Progress) -> Sifted:
    """Sends a stream through the gate that the settings say."""
    opening = Opening(settings)
    if settings.store is None:
        return _sifted(opening.records, Passing(Gate(opening.rows, settings.terms)), way, progress)
    kept, keeper = begun(opening)
    with keeper:
        name = "" if way.stream == "-" else way.stream
        return _sifted(kept.records, Keeping(keeper, name), way, progress)


def written_down(book: Book | None, settings: GateSettings, way: Way, sifted: Sifted) -> None:
    """Tells a ledger what a gate did: from its store, or from the files it wrote."""
    if book is None:
        return
    if settings.store is not None:
        caught_up(book, settings.store, settings.folder)
        return
    from foretaste.bookkeeping.streams import sifted as told_of

    entered(book, told_of(way.stream, way.sinks, sifted))


def caught_up(book: Book | None, store: str, folder: Path | None) -> None:
    """Tells a ledger what happened in a store since it was told last."""
    if book is None:
        return
    from foretaste.bookkeeping.streams import catch_up
    from foretaste.updates.stored import StoredWindows

    journal = Journal.open(store, folder)
    try:
        windows = StoredWindows(View(journal), Stored(store, folder).trusted.classes)
        told(book, catch_up(book, windows, store))
    finally:
        journal.shut()


@contextmanager
def opened(store: str, folder: Path | None) -> Iterator[Keeper]:
    """A gate that was begun before."""
    with Stored(store, folder).open() as keeper:
        yield keeper


def replayed(store: str, folder: Path | None) -> ReplayRecord:
    """All records of a store decided again."""
    kept = Stored(store, folder)
    trusted, terms = kept.trusted, kept.settings.terms
    journal = Journal.open(store, folder)
    try:
        return replay(journal, trusted, terms)
    finally:
        journal.shut()


def summary(sifted: Sifted) -> None:
    """What became of a stream."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    counts = {
        "admitted": sifted.admitted,
        "held": sifted.held,
        "pulled later": sifted.pulled,
        "rejected": sifted.rejected,
        "in the open window": sifted.open,
    }
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}", f"{count / max(1, sifted.records):.2%}")
    stdout.print(f"[bold]{sifted.records:,} records, {sifted.windows:,} windows[/]")
    stdout.print(table)
    for name, count in sifted.checks.most_common():
        stdout.print(f"  stopped by {name}: {count:,}", highlight=False)
    for failure in sifted.failures:
        stdout.print(f"  [bold red]failed[/]: {escape(failure)}", highlight=False)


def vouched(records: Records, file: Path) -> None:
    """Believes what a provider signed of a whole file, where its envelope stands beside it."""
    if records.credentials is not None and beside(file).exists():
        registry = records.credentials.registry
        records.credentials = replace(
            records.credentials, whole=check_file(file, registry, fresh=None)
        )


def _sifted(records: Records, judge: Judge, way: Way, progress: Progress) -> Sifted:
    form = records.form
    if way.stream == "-":
        stream = fed(sys.stdin.buffer, form, way.format)
    else:
        stream = stored(way.stream, form, way.format)
        vouched(records, Path(way.stream))
    read = dated(records) if way.recorded else records
    return sift(stream, read, judge, way.sinks, progress=progress)
