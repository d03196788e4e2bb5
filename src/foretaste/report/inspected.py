"""What an inspection found, as one self-contained page."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from foretaste.inspecting import record
from foretaste.inspecting.record import Inspection, Suspected
from foretaste.report.page import asset, template, visible

NAME = "inspection.html"
SHOWN = 300  # suspicions on the page
SAID = {
    "poisoned": "Do not load it",
    "dirty": "Not to be trusted as it is",
    "clean": "Nothing found",
}


def write(found: Inspection, folder: Path) -> None:
    """Writes inspection.json and inspection.html, one file that needs no network."""
    record.write(found, folder)
    (folder / NAME).write_text(render(record.read(folder)), encoding="utf-8")


def render(found: Inspection) -> str:
    """The page. Everything that came from the model is escaped."""
    return template("inspection.html").render(
        found=found,
        said=SAID[found.verdict],
        style=Markup(asset("report.css")),  # noqa: S704 (our own file)
        blocks=_blocks(found),
        more=max(0, len(found.suspicions) - SHOWN) + found.left_out,
        visible=visible,
    )


def _blocks(found: Inspection) -> list[tuple[str, list[Suspected]]]:
    """Suspicions by inspector, those with the worst first."""
    grouped: dict[str, list[Suspected]] = {}
    for one in found.suspicions[:SHOWN]:
        grouped.setdefault(one.inspector, []).append(one)
    return list(grouped.items())
