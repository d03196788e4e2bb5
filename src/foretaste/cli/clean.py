"""`foretaste clean`: the rows to keep, and beside them those to keep out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from foretaste.api import reopen
from foretaste.clean import clean as split
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import progress, stdout
from foretaste.report.files import read_record


class What(StrEnum):
    """Which findings lead to quarantine."""

    ATTACK = "attack"
    ALL = "all"


def clean(  # noqa: PLR0913 (one parameter an option)
    path: Annotated[str, typer.Argument(help="The data set that was scanned.")],
    record: Annotated[Path, typer.Option(help="Folder of that scan.")] = Path("foretaste-out"),
    out: Annotated[Path, typer.Option(help="New folder for both parts.")] = Path("cleaned"),
    what: Annotated[What, typer.Option(help="Findings that lead to quarantine.")] = What.ATTACK,
    weights: Annotated[
        bool, typer.Option("--weights", help="Write weights.csv: how much each row may count.")
    ] = False,
    relabel: Annotated[
        bool,
        typer.Option(
            "--relabel", help="Keep rows of which only the label is doubted, with a better one."
        ),
    ] = False,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Write kept and quarantined rows in the input's own format; together they are the input."""
    book = ledger_of(ledger)
    source = reopen(path, read_record(record))
    with progress(quiet) as bar:
        done = 0

        def tick(rows: int) -> None:
            nonlocal done
            done += rows
            bar("clean", done, 0)

        asked = {"weights": weights, "relabel": relabel}
        manifest = split(source, record, out, what=what.value, progress=tick, **asked)
    stdout.print(
        f"{manifest.kept.rows:,} rows kept in {out}/kept, {manifest.quarantined.rows:,} "
        f"quarantined in {out}/quarantined ({manifest.quarantined.refused:,} unreadable, "
        f"{manifest.held:,} held); reasons and hashes beside them" + ", weights too" * weights
    )
    if manifest.relabelled is not None:
        stdout.print(
            f"{manifest.relabelled:,} of the rows kept got another label: {out}/relabelled.csv"
        )
    if book is not None:
        from foretaste.bookkeeping.data import cleaned

        with counted(quiet) as more:
            events = cleaned(path, record, out, book.rows, more)
        entered(book, events)
