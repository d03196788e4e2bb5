"""What people read: built from the files of a finished scan and nothing else."""

from __future__ import annotations

from pathlib import Path

from foretaste.report.html import write_html
from foretaste.report.sarif import write_sarif


def write(folder: Path) -> None:
    """Writes report.html and findings.sarif beside record.json."""
    write_sarif(folder)
    write_html(folder)
