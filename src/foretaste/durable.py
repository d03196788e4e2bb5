"""Files that a crash cannot tear: written beside and renamed, or line by line, and made durable."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Writes a whole file: after a crash it is there as it was, or as it is now."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def add_line(path: Path, line: bytes) -> None:
    """Appends a line durably, after what a crash may have torn is ended."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file; one without its end was torn by a crash and does not count."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def sync_folder(folder: Path) -> None:
    """Makes it durable which files a folder has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
