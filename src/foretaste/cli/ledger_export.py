"""`foretaste ledger export`: what a ledger knows, in the formats of other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from foretaste.cli.export import kept
from foretaste.cli.ledgers import Ledger, wanted_ledger
from foretaste.cli.screen import stdout
from foretaste.errors import BadInput


class Form(StrEnum):
    """What is written."""

    CYCLONEDX = "cyclonedx"
    OPENLINEAGE = "openlineage"
    RECEIPT = "receipt"


def export(
    form: Annotated[Form, typer.Option("--format", help="Whose format.")],
    index: Annotated[int | None, typer.Option(help="Of a receipt: number of the entry.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. [standard output]")] = None,
    url: Annotated[
        str | None, typer.Option(help="OpenLineage: address to post to, instead of a file.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Write a CycloneDX bill of materials, OpenLineage events, or a COSE receipt of an entry."""
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
    else:
        if index is None:
            raise BadInput("a receipt is of one entry: say --index")
        from foretaste.interchange.receipt import receipt
        from foretaste.ledger.keys import read_key

        reader, key = book.reader(), read_key(book.folder / "keys" / "log.key")
        size = reader.checkpoint().size
        content = receipt(index, size, reader.hashes(size), key)
    kept(content, out)
