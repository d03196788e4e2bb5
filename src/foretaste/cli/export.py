"""`foretaste export`: a data set and what was found in it, in the formats of other programs."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from foretaste.cli.ledgers import Ledger, ledger_of
from foretaste.cli.screen import stdout

if TYPE_CHECKING:
    from foretaste.interchange.things import Numbered
    from foretaste.ledger.book import Book
    from foretaste.ledger.event import Thing


class Form(StrEnum):
    """What is written."""

    CROISSANT = "croissant"
    CYCLONEDX = "cyclonedx"
    OPENLINEAGE = "openlineage"


def export(  # noqa: PLR0913 (one parameter an option)
    path: Annotated[Path, typer.Argument(help="The data set, as a file or folder here.")],
    form: Annotated[Form, typer.Option("--format", help="Whose format.")],
    record: Annotated[Path, typer.Option(help="Folder of a scan of it.")] = Path("foretaste-out"),
    out: Annotated[
        Path | None, typer.Option(help="File to write. [standard output; beside the data]")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the data set is called.")] = None,
    description: Annotated[str, typer.Option(help="Croissant: what it is.")] = "",
    license: Annotated[str, typer.Option(help="Croissant: address of its licence.")] = "",
    creator: Annotated[str, typer.Option(help="Who made it, or vouches for it.")] = "",
    url: Annotated[str, typer.Option(help="Croissant: where it is to be had.")] = "",
    published: Annotated[str, typer.Option(help="Croissant: a date, 2026-11-23.")] = "",
    ledger: Ledger = None,
) -> None:
    """Write Croissant, a CycloneDX bill of materials, or OpenLineage events of a scanned data set.

    What was done with it comes from the ledger where one is chosen, else from the scan's record.
    """
    from foretaste.interchange import croissant, cyclonedx, openlineage
    from foretaste.report.files import read_record

    book = ledger_of(ledger)
    thing, events = _known(path, record, book)
    called = name or path.name
    if form is Form.CROISSANT:
        about = croissant.About(called, description, license, creator, url, published)
        history = croissant.History(tuple(events), thing)
        roles = None if book is not None else read_record(record).dataset["roles"]
        made = croissant.describe(path, path.resolve().parent, about, history, roles)
        where = made.write(path.resolve().parent, out.name if out else croissant.NAME)
        stdout.print(f"written: {escape(str(where))}", highlight=False)
        return
    if form is Form.CYCLONEDX:
        said = cyclonedx.About(called, creator or cyclonedx.About.organisation)
        content = cyclonedx.written(cyclonedx.bom(events, said))
    else:
        content = openlineage.written(openlineage.run_events(events))
    kept(content, out)


def kept(content: bytes, out: Path | None) -> None:
    """Writes what was made into a file, or to standard output."""
    if out is None:
        sys.stdout.buffer.write(content)
        return
    out.write_bytes(content)
    stdout.print(f"{len(content):,} bytes in {escape(str(out))}", highlight=False)


def _known(path: Path, record: Path, book: Book | None) -> tuple[Thing, list[Numbered]]:
    """The data set, and what is known of it."""
    from foretaste.api import reopen
    from foretaste.bookkeeping.seeing import named
    from foretaste.interchange.scanned import scan_events
    from foretaste.report.files import read_record

    if book is not None:
        return named(str(path)), list(book.events())
    scan = read_record(record)
    thing = named(str(path), reopen(str(path), scan))
    return thing, scan_events(scan, thing, record)
