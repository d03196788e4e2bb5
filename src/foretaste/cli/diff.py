"""`foretaste diff`: what is new since the last scan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.cli.screen import stdout
from foretaste.diff import diff as compare


def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the earlier scan.")],
    new: Annotated[Path, typer.Argument(help="Folder of the later scan.")],
) -> None:
    """Compare two scans by the content of their rows; exit code 1 when an attack is new."""
    change = compare(old, new)
    stdout.print(f"verdict: {change.old_verdict} → {change.new_verdict}")
    rows = change.rows
    stdout.print(
        f"rows: {rows.added:,} added, {rows.removed:,} removed, {rows.unchanged:,} as before"
    )
    for name, found in (("new", change.new), ("gone", change.gone), ("still", change.still)):
        stdout.print(f"findings {name}: {found.count:,} on {found.rows:,} rows")
    for finding in change.new.shown[:10]:
        where = escape(f"{finding.location} (row {finding.index})")
        stdout.print(f"  • {finding.kind} {where}\n      {escape(finding.reason)}")
    if any(finding.kind == "attack" for finding in change.new.shown):
        raise typer.Exit(1)
