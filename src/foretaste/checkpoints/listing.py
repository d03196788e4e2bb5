"""Which files a model consists of, and what they weigh."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from foretaste.errors import UnreadableInput
from foretaste.files.streams import sha256

MOST = 10_000  # files of one model


@dataclass(frozen=True)
class Listed:
    """The files of a model, by name, and what was found that is no plain file."""

    path: Path
    names: tuple[str, ...]  # inside the folder; of a single file its own name
    odd: tuple[tuple[str, str], ...]  # name, and what it is
    bytes: int

    def file(self, name: str) -> Path:
        """Where a file is."""
        return self.path / name if self.path.is_dir() else self.path

    def digest(self) -> str:
        """SHA-256 of the file; of a folder, of a line `digest, two spaces, name` a file.

        The lines are sorted by name, as `sha256sum` prints them when it is given sorted names.
        """
        if not self.path.is_dir():
            return _digest(self.path)
        lines = "".join(f"{_digest(self.file(name))}  {name}\n" for name in self.names)
        return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def listed(path: Path) -> Listed:
    """The files of a file or folder. Links to files are followed, links to folders are not.

    Raises `UnreadableInput` where nothing is to be read.
    """
    if not path.exists():
        raise UnreadableInput(f"there is nothing at {path}")
    if not path.is_dir():
        if what := _odd(path):
            raise UnreadableInput(f"{path} is {what}, not a file")
        return Listed(path, (path.name,), (), path.stat().st_size)
    names, odd, size = [], [], 0
    for name in _walked(path):
        if what := _odd(path / name):
            odd.append((name, what))
        else:
            names.append(name)
            size += (path / name).stat().st_size
    if not names:
        raise UnreadableInput(f"{path} holds no file")
    return Listed(path, tuple(sorted(names)), tuple(sorted(odd)), size)


def _walked(root: Path) -> list[str]:
    found = []
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found += [Path(folder, name).relative_to(root).as_posix() for name in (*names, *links)]
        if len(found) > MOST:
            raise UnreadableInput(f"{root} holds more than {MOST:,} files; give a part of it")
    return found


def _odd(path: Path) -> str:
    """What something is that is no readable file; empty where it is one."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return "a link to a folder, which is not followed"
        if not stat.S_ISREG(mode):
            return "a device, pipe or socket"
        with path.open("rb"):
            return ""
    except OSError as error:
        return f"not readable: {error.strerror or error}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return sha256(stream)
