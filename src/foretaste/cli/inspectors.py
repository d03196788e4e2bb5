"""`foretaste inspectors`: what there is, what each needs and cannot see."""

from __future__ import annotations

import inspect

from rich.markup import escape

from foretaste import registry
from foretaste.cli.detectors import blind_to
from foretaste.cli.screen import stdout


def inspectors() -> None:
    """List the inspectors with what each needs and is blind to."""
    for name in registry.names("inspectors"):
        kind = registry.component("inspectors", name)
        doc = inspect.getdoc(kind) or ""
        finds = " ".join(doc.partition("\n\n")[0].split())
        stdout.print(f"[bold]{name}[/]  [dim]needs {', '.join(kind.needs)}[/]")
        stdout.print(f"    {escape(finds)}", highlight=False)
        stdout.print(f"    [dim]blind to {escape(blind_to(doc))}[/]", highlight=False)
