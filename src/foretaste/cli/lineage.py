"""`foretaste lineage`: where did this come from, and which models ate this bad batch?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.cli.choices import roles_of
from foretaste.cli.ledgers import Ledger, wanted_ledger
from foretaste.cli.screen import stdout


def lineage(  # noqa: PLR0913 (one parameter an option)
    what: Annotated[
        str | None,
        typer.Argument(
            help="A file or folder, the digest of one or how it begins, a name in the ledger, or a "
            "row: PATH#INDEX, row:DIGEST."
        ),
    ] = None,
    bad: Annotated[
        list[str] | None,
        typer.Option(help="What you found bad, said in the same words; may be repeated."),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Only where it came from.")] = False,
    forward: Annotated[bool, typer.Option("--forward", help="Only what was made of it.")] = False,
    row: Annotated[
        bool, typer.Option("--row", help="WHAT is a row: its digest, or a JSON object.")
    ] = False,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, as for scan.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use for a data set.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write one page that needs no network.")] = None,
    ledger: Ledger = None,
) -> None:
    """Say where something came from, who judged it how, and which models learned from it.

    Exit code 1: it is bad, or was made of something bad.
    """
    if what is None and not bad:
        raise typer.BadParameter("of what? Say a path, a digest, a name, or --bad")
    book = wanted_ledger(ledger)
    from foretaste.lineage.asking import Question, ask
    from foretaste.lineage.meant import Words
    from foretaste.lineage.rows import Sidecars

    plain = Words(roles=roles_of(role or []), format=format)
    named = tuple(map(plain.meant, bad or []))
    asked = Words(row, plain.roles, format).meant(what) if what is not None else named[0]
    both = back == forward
    question = Question(asked, named, back or both, forward or both)
    answer = ask(book, question, Sidecars(book.rows))
    if html is not None:
        from foretaste.report.lineage import write

        write(answer, html)
    if as_json:
        sys.stdout.write(answer.model_dump_json(by_alias=True, indent=1) + "\n")
    else:
        from foretaste.cli.lineage_tree import show

        show(answer)
        if html is not None:
            stdout.print(f"  page: {escape(str(html))}", highlight=False)
    raise typer.Exit(1 if answer.verdict == "tainted" else 0)
