"""`foretaste attacks`: what there is, what each poisons and what counters it."""

from __future__ import annotations

import inspect
import re
from typing import Annotated, Any

import typer
from rich.markup import escape

from foretaste import registry
from foretaste.cli.screen import stdout
from foretaste.planting.naming import attacked, settable, shown


def attacks(
    name: Annotated[str | None, typer.Argument(help="One of them, with its settings.")] = None,
) -> None:
    """List the attacks with what each poisons and what it is countered by."""
    if name is not None:
        _one(name)
        return
    for one in registry.names("attacks"):
        kind = registry.component("attacks", one)
        doc = inspect.getdoc(kind) or ""
        stdout.print(f"[bold]{one}[/]  [dim]{escape(poisons(kind))}[/]")
        does = " ".join(doc.partition("\n\n")[0].split())
        stdout.print(f"    {escape(does)}", highlight=False)
        stdout.print(f"    [dim]countered by {escape(countered_by(doc))}[/]", highlight=False)


def poisons(kind: Any) -> str:
    """What an attack changes.

    >>> poisons(registry.component("attacks", "badnets"))
    'rows with pixels, label'
    """
    what, needs = attacked(kind), ", ".join(getattr(kind, "needs", ()))
    if what != "rows":
        return f"{what}; not to be planted in a data set"
    return f"{'new rows' if getattr(kind, 'adds', False) else 'rows'} with {needs}"


def countered_by(doc: str) -> str:
    r"""The paragraph of a docstring that says what counters an attack.

    >>> countered_by("Does x.\n\nCountered by y\nand z.\n\nNeeds `text`.")
    'y and z.'
    """
    found = re.search(r"^Countered by:?\s+(.*?)(?:\n\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def _one(name: str) -> None:
    kind = registry.component("attacks", name)
    stdout.print(f"[bold]{name}[/]  [dim]{escape(poisons(kind))}[/]\n")
    stdout.print(escape(inspect.getdoc(kind) or ""), highlight=False)
    stdout.print("\nsettings, as in --set NAME=VALUE:", highlight=False)
    for setting, hint in settable(name).items():
        stdout.print(f"  {setting:<12} {escape(shown(hint))}", highlight=False)
