"""`foretaste attack`: one attack planted in a data set, the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste import readers
from foretaste.cli.choices import roles_of, settings_of
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import progress, stdout
from foretaste.planting.forging import forged, forges
from foretaste.planting.plant import Order, plant
from foretaste.planting.truth import AttackNote


def attack(  # noqa: PLR0913 (one parameter an option)
    name: Annotated[str, typer.Argument(help="The attack; see `foretaste attacks`.")],
    path: Annotated[
        str,
        typer.Argument(
            help="File, folder or fsspec URL of the data set; of an attack that writes a file, "
            "the name of that file."
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the poisoned data and the truth.")],
    count: Annotated[int | None, typer.Option(help="Rows to poison.")] = None,
    rate: Annotated[float | None, typer.Option(help="Share of the rows to poison.")] = None,
    target: Annotated[str | None, typer.Option(help="Class the attacker wants, by name.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="SETTING=VALUE of the attack; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    aim: Annotated[
        str | None, typer.Option(help="Unseen rows at which a targeted attack is aimed.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN; repeatable.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use.")] = None,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Plant one attack in a data set, written to DIR in its own format with the truth beside it."""
    book = ledger_of(ledger)
    if forges(name):
        file = forged(name, settings_of(set_ or []), out / Path(path).name, seed)
        stdout.print(f"wrote {escape(str(file))}: never load it, only inspect it", highlight=False)
        return
    roles = roles_of(role or []) | ({} if label is None else {"label": label})
    source = readers.open(path, roles, format)
    order = Order(
        name,
        count=count,
        rate=rate,
        target=target,
        settings=settings_of(set_ or []),
        seed=seed,
        aim=None if aim is None else readers.open(aim, source.roles, format),
    )
    if book is not None:
        from foretaste.bookkeeping.data import planted
        from foretaste.bookkeeping.seeing import seen

        with counted(quiet) as more:
            before = seen(path, source, book.rows, more)
    with progress(quiet) as bar:
        note = plant(source, order, out, progress=bar)
    _tell(note, out)
    if book is not None:
        entered(book, planted(before, out, note, book.rows))


def _tell(note: AttackNote, out: Path) -> None:
    folder = escape(str(out))
    changed = note.touched - note.added
    what = [f"{changed:,} changed"] * bool(changed) + [f"{note.added:,} added"] * bool(note.added)
    stdout.print(
        f"planted {note.name} in {note.rows:,} rows: {', '.join(what) or 'no row touched'}",
        highlight=False,
    )
    for aim in note.aim:
        where = escape(str(aim.get("location", aim["id"])))
        stdout.print(f"  aimed at {where}, labelled {escape(str(aim['label']))}", highlight=False)
    for one in note.notes[:5]:
        stdout.print(f"  note: {escape(one)}", highlight=False)
    stdout.print(f"  data:  {folder}/data", highlight=False)
    stdout.print(f"  truth: {folder}/truth.csv, {folder}/attack.json", highlight=False)
    stdout.print(f"  next:  foretaste scan {folder}/data", highlight=False)
