"""`foretaste detectors`: what there is, what each needs and cannot see."""

from __future__ import annotations

import inspect
import re

from rich.markup import escape

from foretaste import registry
from foretaste.cli.screen import stdout


def detectors() -> None:
    """List the detectors with what each needs and is blind to."""
    for name in registry.names("detectors"):
        kind = registry.component("detectors", name)
        doc = inspect.getdoc(kind) or ""
        stdout.print(f"[bold]{name}[/]  [dim]{kind.kind}; needs {', '.join(kind.needs)}[/]")
        finds = " ".join(doc.partition("\n\n")[0].split())
        stdout.print(f"    {escape(finds)}", highlight=False)
        stdout.print(f"    [dim]blind to {escape(blind_to(doc))}[/]", highlight=False)


def blind_to(doc: str) -> str:
    r"""The paragraph of a docstring that says what a method cannot see.

    >>> blind_to("Does x.\n\nBlind to y\nand z.\n\nNeeds `text`.")
    'y and z.'
    """
    found = re.search(r"^Blind to:?\s+(.*?)(?:\n\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""
