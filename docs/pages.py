"""Writes what the detectors say of themselves into docs/detectors.md and the README's table.

`python docs/pages.py` writes, `python docs/pages.py --check` fails when a page is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from foretaste import registry
from foretaste.cli.detectors import blind_to

FLOORS: tuple[registry.Floor, ...] = (
    "detectors",
    "attacks",
    "recipes",
    "repairs",
    "inspectors",
    "explainers",
    "aggregators",
    "preaggregators",
    "checks",
)
VERBS = {
    "poison": "poisons rows",
    "meddle": "changes gradients",
    "collude": "what liars in a federation send",
    "tamper": "changes a trained model",
    "forge": "writes a file",
    "repair": "repairs rows",
    "mend": "repairs a trained model",
    "attribute": "weighs the parts of a row",
    "sensitivity": "tests a class",
    "reduce": "looks at each coordinate alone",
    "mix": "mixes updates before a rule",
    "weigh": "weighs updates",
}
OF_CHECKS = {
    "judge": "at the door",
    "settle": "at the end of a window",
    "weigh": "says how strict to be with a source",
    "heed": "hears what people decide",
}
HOME = Path(__file__).parent.parent
DETECTORS = "<!-- detectors: written by docs/pages.py -->", "<!-- end of detectors -->"
MATRIX = "<!-- matrix: written by docs/pages.py -->", "<!-- end of matrix -->"
COLUMNS = {
    "undefended": "undefended",
    "random_filter": "random",
    "perfect_filter": "perfect",
    "scan": "**scan**",
    "scan, all findings": "scan, all findings",
    "label_sanitization": "relabelled",
    "peers:cleanlab": "cleanlab 2.9",
    "peers:art_spectral": "ART spectral",
    "peers:art_clustering": "ART clustering",
}
FILTERS = tuple(COLUMNS)[3:]


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
        str(getattr(kind, what))
        for what in ("kind", "scale", "measure", "aspect")
        if hasattr(kind, what)
    ]
    verbs = OF_CHECKS if hasattr(kind, "judge") else VERBS
    said += [does for verb, does in verbs.items() if hasattr(kind, verb)]
    needs = ", ".join(getattr(kind, "needs", ()))
    return " · ".join([*said, f"needs {needs}"] if needs else said)


def readme() -> str:
    """The README with its tables."""
    text = (HOME / "README.md").read_text()
    for (start, end), made in ((DETECTORS, table()), (MATRIX, matrix())):
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{made}{end}{after}"
    return text


def matrix() -> str:
    """Every attack against every defence, from the committed results."""
    parts = []
    for path in sorted((HOME / "benchmarks/results").glob("matrix_*.parquet")):
        rows = pq.read_table(path).to_pylist()
        shown = [name for name in COLUMNS if any(row["defence"] == name for row in rows)]
        head = ["attack", "rows", *(COLUMNS[name] for name in shown)]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for title in dict.fromkeys(row["title"] for row in rows):
            mine = {row["defence"]: row for row in rows if row["title"] == title}
            cells = [_result(title, mine.get(name)) for name in shown]
            lines.append(f"| {' | '.join([title, _poisoned(mine), *cells])} |")
        kind = path.stem.removeprefix("matrix_")
        some = "\n".join(lines)
        parts.append(f"<details><summary>{kind}</summary>\n\n{some}\n\n</details>\n")
    return "\n".join(parts)


def _poisoned(mine: dict[str, dict[str, Any]]) -> str:
    one = next(iter(mine.values()))
    return f"{one['poisoned']:,} of {one['rows']:,}"


def _result(title: str, row: dict[str, Any] | None) -> str:
    """Success or quality lost; of a scan recall / precision too; of a peer precision."""
    if row is None or row["detail"]:
        return "–"
    value = row["success"] if row["success"] is not None else row["quality_lost"]
    told = (
        "–" if value is None else f"{value:.2f}" if row["success"] is not None else f"−{value:.3f}"
    )
    told = told.replace("−-", "+")
    if title == "no attack" and row["false_positive_rate"] is not None:
        return f"{told}; {row['false_positive_rate']:.1%} flagged"
    if row["defence"] in FILTERS and row["recall"] is not None:
        precision = "–" if row["precision"] is None else f"{row['precision']:.2f}"
        told += f" ({row['recall']:.2f} / {precision})"
    return told


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
