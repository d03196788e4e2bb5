"""Files that a crash cannot tear: written beside and renamed, or line by line, and made durable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


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
    """Appends a line durably; one that a crash tore was never acknowledged, and goes."""
    with path.open("ab+") as file:
        file.truncate(_whole(file))
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


def _whole(file: BinaryIO) -> int:
    """Where the last line that has an end ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 65_536)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
