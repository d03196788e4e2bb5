"""`foretaste detectors`: what there is, what each needs and cannot see."""

from __future__ import annotations

import inspect
import re

from rich.table import Table

from foretaste import registry
from foretaste.cli.screen import stdout


def detectors() -> None:
    """List the detectors with what each needs and is blind to."""
    table = Table("detector", "finds", "needs", "blind to", show_lines=True)
    for name in registry.names("detectors"):
        kind = registry.component("detectors", name)
        doc = inspect.getdoc(kind) or ""
        summary = doc.split("\n\n")[0].replace("\n", " ")
        table.add_row(f"{name}\n[dim]{kind.kind}", summary, ", ".join(kind.needs), blind_to(doc))
    stdout.print(table)


def blind_to(doc: str) -> str:
    r"""The paragraph of a docstring that says what a method cannot see.

    >>> blind_to("Does x.\n\nBlind to y\nand z.\n\nNeeds `text`.")
    'y and z.'
    """
    found = re.search(r"^Blind to:?\s+(.*?)(?:\n\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""
