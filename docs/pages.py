"""Writes what the detectors say of themselves into docs/detectors.md and the README's table.

`python docs/pages.py` writes, `python docs/pages.py --check` fails when a page is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

from foretaste import registry
from foretaste.cli.detectors import blind_to

FLOORS: tuple[registry.Floor, ...] = ("detectors", "attacks", "recipes", "repairs")
VERBS = {
    "poison": "poisons rows",
    "meddle": "changes gradients",
    "tamper": "changes a trained model",
    "forge": "writes a file",
}
HOME = Path(__file__).parent.parent
START, END = "<!-- detectors: written by docs/pages.py -->", "<!-- end of detectors -->"


def main() -> int:
    """Writes or checks all pages; the exit code."""
    wanted = {HOME / f"docs/{floor}.md": page(floor) for floor in FLOORS}
    wanted[HOME / "README.md"] = readme()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(HOME)} is out of date: python docs/pages.py\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
    return 0


def page(floor: registry.Floor) -> str:
    """Every docstring of a floor, as a page."""
    parts = [
        f"# {floor.capitalize()}\n\nWritten by `docs/pages.py` from what the {floor} say of "
        "themselves.\n"
    ]
    for name in registry.names(floor):
        kind = registry.component(floor, name)
        doc = inspect.getdoc(kind) or ""
        parts.append(f"## {name}\n\n*{about(kind)}*\n\n{_markdown(doc)}\n")
    return "\n".join(parts)


def about(kind: Any) -> str:
    """What stands under the name: what it is, what it needs."""
    said = [
        str(getattr(kind, what)) for what in ("kind", "scale", "measure") if hasattr(kind, what)
    ]
    said += [does for verb, does in VERBS.items() if hasattr(kind, verb)]
    needs = ", ".join(getattr(kind, "needs", ()))
    return " · ".join([*said, f"needs {needs}"] if needs else said)


def readme() -> str:
    """The README with its table of detectors."""
    text = (HOME / "README.md").read_text()
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{table()}{END}{after}"


def table() -> str:
    """What each finds and cannot see."""
    lines = ["| detector | finds | blind to |", "|---|---|---|"]
    for name in registry.names("detectors"):
        doc = inspect.getdoc(registry.component("detectors", name)) or ""
        finds = " ".join(doc.split("\n\n")[0].split())
        lines.append(f"| `{name}` | {_cell(finds)} | {_cell(blind_to(doc))} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _markdown(doc: str) -> str:
    doc = re.sub(r"^References\n-+$", "**References**\n", doc, flags=re.MULTILINE)
    lines, inside = [], False
    for line in doc.splitlines():
        if line.startswith(">>>") and not inside:
            lines.append("```python")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines).strip()


if __name__ == "__main__":
    sys.exit(main())
