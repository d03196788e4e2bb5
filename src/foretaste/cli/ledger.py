"""`foretaste ledger`: what was done, written down so that nobody can change it unseen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from foretaste.cli import ledger_export, ledger_witness
from foretaste.cli.choices import roles_of, settings_of
from foretaste.cli.ledgers import Ledger, content_of, told, wanted_ledger
from foretaste.cli.screen import stderr, stdout
from foretaste.errors import BadInput

app = typer.Typer(
    name="ledger",
    help="What was done, written down so that nobody can change it unseen.",
    no_args_is_help=True,
)
app.command("export")(ledger_export.export)
app.add_typer(ledger_witness.app)


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="New folder of the ledger.")],
    origin: Annotated[
        str, typer.Option(help="The log's name for good: an address without scheme.")
    ],
    author: Annotated[
        str | None, typer.Option(help="Who signs statements. [ORIGIN/author]")
    ] = None,
    where: Annotated[
        str, typer.Option(help="The log: a folder in FOLDER, or an address to write objects to.")
    ] = "log",
) -> None:
    """Make a ledger: keys, a policy for those who check, and an empty log."""
    from foretaste.ledger.book import Book

    book = Book.create(folder, origin, author or f"{origin}/author", where)
    stdout.print(f"ledger {escape(origin)} in {escape(str(folder))}", highlight=False)
    stdout.print(f"  for everybody: {escape(book.where)}, policy, authors", highlight=False)
    stdout.print("  for you alone: keys/ (a lost key cannot be had again)", highlight=False)
    stdout.print('  next: --ledger FOLDER, or folder = "…" under \\[ledger] in foretaste.toml')


@app.command("append")
def append(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Statements that an author signed, as JSON.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Or say it here: the kind of event.")] = None,
    made: Annotated[
        list[str] | None, typer.Option(help="KIND:PATH, or KIND:NAME@ALGORITHM:HEX; repeatable.")
    ] = None,
    used: Annotated[list[str] | None, typer.Option(help="The same, of what it came from.")] = None,
    fact: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; repeatable.")] = None,
    ledger: Ledger = None,
) -> None:
    """Add what happened elsewhere: a checkpoint promoted, a source registered, a decision."""
    from foretaste.ledger.event import Event

    book = wanted_ledger(ledger)
    if (kind is None) == (not files):
        raise BadInput("give files with signed statements, or say --kind with --made and --used")
    if kind is None:
        added = book.append([content_of(path) for path in files or []])
    else:
        came, went = (tuple(map(_thing, some or [])) for some in (made, used))
        added = book.record(Event(kind, came, went, settings_of(fact or [])))
    told(book, added)


@app.command("log")
def log(
    start: Annotated[int, typer.Option("--from", help="Number of the first.")] = 0,
    stop: Annotated[int | None, typer.Option("--to", help="Number after the last.")] = None,
    last: Annotated[int | None, typer.Option(help="How many, the newest.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only events of this kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole, as JSON lines.")] = False,
    ledger: Ledger = None,
) -> None:
    """Show what stands in the ledger, each entry checked against its checkpoint."""
    from foretaste.cli.ledger_shown import event_line, event_told

    book = wanted_ledger(ledger)
    if last is not None:
        start = max(start, book.checkpoint().size - last)
    for index, event in book.events(start, stop):
        if kind in (None, event.kind):
            if as_json:
                sys.stdout.write(json.dumps(event_told(index, event)) + "\n")
            else:
                stdout.print(event_line(index, event), highlight=False, soft_wrap=True)


@app.command("verify")
def verify(  # noqa: PLR0913 (one parameter an option)
    against: Annotated[
        Path | None,
        typer.Option(help="An older checkpoint that you kept: it must only have grown."),
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(help="A .tlog-proof, to be checked without any log.")
    ] = None,
    entry: Annotated[Path | None, typer.Option(help="The entry that goes with it.")] = None,
    row: Annotated[
        Path | None, typer.Option(help="The proof of a row in a data set of that entry.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy to check by. [the ledger's own]")
    ] = None,
    authors: Annotated[
        Path | None, typer.Option(help="Whose statements count. [the ledger's own]")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    ledger: Ledger = None,
) -> None:
    """Check the whole ledger, every tile, entry, signature and statement; or one proof, offline."""
    if proof is not None:
        from foretaste.cli.ledger_proofs import Offline

        if entry is None:
            raise BadInput("a proof is of an entry: say --entry FILE, as `ledger prove` wrote it")
        Offline(proof, entry, row, policy, authors).check(lambda: wanted_ledger(ledger))
        return
    book = wanted_ledger(ledger)
    with Progress(console=stderr, disable=quiet) as bar:
        task = bar.add_task("verify", total=book.checkpoint().size)
        found = book.verify(lambda more: bar.advance(task, more))
    stdout.print(
        f"{escape(found.origin)}: {found.size:,} entries, every one signed and in its place; "
        f"root {found.root.hex()}",
        highlight=False,
    )
    if against is not None:
        old = book.grown_from(content_of(against))
        stdout.print(f"it grew from {old.size:,} entries, unchanged", highlight=False)


@app.command("prove")
def prove(
    what: Annotated[
        str, typer.Argument(help="Number of an entry, or a row: PATH#INDEX, row:DIGEST.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for what proves it.")] = Path(),
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN of PATH, as for scan.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Write an entry and the proof that it stands in the log, for anybody to check offline.

    Of a row, the entries of all data sets that hold it, with the proof that they do.
    """
    from foretaste.cli.ledger_proofs import entry_proven, rows_proven

    book = wanted_ledger(ledger)
    out.mkdir(parents=True, exist_ok=True)
    if what.isascii() and what.isdecimal():
        entry_proven(book, int(what), out)
    else:
        rows_proven(book, what, roles_of(role or []), out)


@app.command("show")
def show(
    index: Annotated[int, typer.Argument(help="Number of the entry.")],
    ledger: Ledger = None,
) -> None:
    """Print one entry as it was signed, its statement in full."""
    from foretaste.cli.ledger_shown import event_told

    event = wanted_ledger(ledger).event(index)
    sys.stdout.write(json.dumps(event_told(index, event), indent=2, ensure_ascii=False) + "\n")


def _thing(word: str) -> Any:
    """A thing out of a word of the command line."""
    from foretaste.files.streams import sha256
    from foretaste.ledger.event import Thing

    kind, _, rest = word.partition(":")
    name, at, digest = rest.rpartition("@")
    if at and ":" in digest:
        algorithm, _, said = digest.partition(":")
        return Thing(kind, name, {algorithm: said})
    try:
        with Path(rest).open("rb") as file:
            return Thing(kind, rest, {"sha256": sha256(file)})
    except OSError as error:
        raise BadInput(
            f"{word!r}: wanted is KIND:PATH of a file, or KIND:NAME@ALGORITHM:HEX ({error})"
        ) from error
