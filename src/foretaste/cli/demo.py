"""`foretaste demo`: plants poison in real data, scans it, and compares with the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from foretaste.api import scan
from foretaste.cli.planted import Case, build, score
from foretaste.cli.screen import progress, stdout, summary


def demo(
    out: Annotated[Path, typer.Option(help="Folder for data and reports.")] = Path("demo-out"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Find planted poison in real SMS messages and real digits; says what was found and missed."""
    stdout.print(f"planting poison in real data, in {out}/data …")
    for case in build(out / "data"):
        _show(case, out / case.name, quiet)
    stdout.print(f"\n[bold]reports:[/] {out}/sms/report.html and {out}/digits/report.html")
    stdout.print("your own data: foretaste scan PATH")


def _show(case: Case, folder: Path, quiet: bool) -> None:
    stdout.rule(f"foretaste scan {case.path}")
    with progress(quiet) as bar:
        result = scan(str(case.path), folder, progress=bar)
    summary(result.record, str(folder))
    compared = score(case, folder)
    table = Table("planted", "rows", "found", "as attack", "missed", title="against the truth")
    for one in compared.tallies:
        table.add_row(
            one.what, str(one.planted), str(one.found), str(one.as_attack), str(one.missed)
        )
    stdout.print(table)
    stdout.print(
        f"  accused of an attack though nobody touched them: {compared.false_attacks:,} rows; "
        f"natural dirt in the real data: {compared.natural_dirt:,} rows"
    )
