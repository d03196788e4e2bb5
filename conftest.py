"""Runs the Python examples of README.md, CONTRIBUTING.md and docs/ as they stand."""

import os
import tempfile
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

HOME = Path.cwd()
# adapters to engines that live in venvs of their own: `make openfl`, `make tff`
collect_ignore = [f"src/foretaste/integrations/{name}.py" for name in ("openfl", "tff")]
# pages made of docstrings, of which the examples run where they stand
WRITTEN = (
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
SMALL = "label,text\n" + "".join(
    f"{('ham', 'spam')[i % 2]},{('see you at noon', 'win a prize now')[i % 2]} {i}\n"
    for i in range(60)
)


def a_folder_with_data(namespace):
    """Examples speak of `data/train.csv`: here it is."""
    folder = Path(tempfile.mkdtemp(prefix="foretaste-docs-"))
    (folder / "data").mkdir()
    (folder / "data/train.csv").write_text(SMALL)
    os.chdir(folder)


def back_home(namespace):
    """Leaves that folder."""
    os.chdir(HOME)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "CONTRIBUTING.md", "docs/*.md"],
    excludes=[f"docs/{floor}.md" for floor in WRITTEN],
    setup=a_folder_with_data,
    teardown=back_home,
).pytest()
