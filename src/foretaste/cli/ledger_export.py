"""`foretaste ledger export`: what a ledger knows, in the formats of other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretaste.cli.export import kept
from foretaste.cli.ledgers import Ledger, wanted_ledger
from foretaste.cli.screen import stdout
from foretaste.errors import BadInput

if TYPE_CHECKING:
    from foretaste.ledger.book import Book


class Form(StrEnum):
    """What is written."""

    CYCLONEDX = "cyclonedx"
    OPENLINEAGE = "openlineage"
    RECEIPT = "receipt"
    SCITT = "scitt"


def export(
    form: Annotated[Form, typer.Option("--format", help="Whose format.")],
    index: Annotated[int | None, typer.Option(help="Of a receipt or scitt: the entry.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. [standard output]")] = None,
    url: Annotated[
        str | None, typer.Option(help="OpenLineage: address to post to, instead of a file.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Write CycloneDX, OpenLineage, or of one entry a COSE receipt or a statement for SCITT."""
    book = wanted_ledger(ledger)
    if form is Form.CYCLONEDX:
        from foretaste.interchange import cyclonedx

        content = cyclonedx.written(cyclonedx.bom(book.events()))
    elif form is Form.OPENLINEAGE:
        from foretaste.interchange import openlineage

        events = openlineage.run_events(book.events())
        if url is not None:
            stdout.print(f"{openlineage.send(events, url):,} events sent", highlight=False)
            return
        content = openlineage.written(events)
    elif index is None:
        raise BadInput(f"{form.value} is of one entry: say --index")
    else:
        content = _signed(book, form, index)
    kept(content, out)


def _signed(book: Book, form: Form, index: int) -> bytes:
    """One entry as COSE has it: that it stands in the log, or what it says."""
    from foretaste.interchange.receipt import receipt
    from foretaste.interchange.scitt import signed_statement
    from foretaste.ledger.keys import read_key

    keys = book.folder / "keys"
    if form is Form.SCITT:
        return signed_statement(book.event(index), read_key(keys / "author.key"))
    reader = book.reader()
    size = reader.checkpoint().size
    return receipt(index, size, reader.hashes(size), read_key(keys / "log.key"))
