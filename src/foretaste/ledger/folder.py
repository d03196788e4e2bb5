"""A log's files in a folder on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from foretaste.durable import sync_folder
from foretaste.errors import UnreadableInput

CHECKPOINT = "checkpoint"
AT_ONCE = 16  # files made durable
_PIECE = 64 << 10  # bytes that are read at a time
OWN = ".writer"  # what a writer keeps for itself in a folder


class Folder:
    """Files in a folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Folder({str(self.root)!r})"

    def read(self, path: str, most: int) -> bytes | None:
        try:  # a pipe in a stranger's folder must not block, nor a device be read
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UnreadableInput(f"{self.root / path} cannot be read: {error}") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnreadableInput(f"{self.root / path} is no file")
        with os.fdopen(handle, "rb", buffering=0) as file:
            return bounded(file, most + 1)

    def write(self, files: Mapping[str, bytes]) -> None:
        beside = self.root / OWN / "part"  # one writer, so one such file, whatever crashes
        for path, content in files.items():
            with self._made(beside) as file:
                file.write(content)
                if path == CHECKPOINT:
                    file.flush()
                    os.fsync(file.fileno())
            self._moved(beside, self.root / path)

    def settle(self, paths: Iterable[str]) -> None:
        files = [self.root / path for path in sorted(paths)]
        folders = {self.root}
        for path in files:
            folders.update(path.parents[: len(path.parents) - len(self.root.parents)])
        with ThreadPoolExecutor(AT_ONCE) as pool:  # a file system waits for many as for one
            for some in (files, sorted(folders)):
                list(pool.map(sync_folder, some))  # which syncs files as well

    def partials(self, path: str) -> list[str]:
        try:
            found = sorted((self.root / f"{path}.p").iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [f"{path}.p/{one.name}" for one in found]

    def drop(self, paths: Iterable[str]) -> None:
        folders = set()
        for path in paths:
            (self.root / path).unlink(missing_ok=True)
            folders.add((self.root / path).parent)
        for folder in folders:
            with suppress(OSError):  # something else lies in it, which stays
                folder.rmdir()

    def begun(self) -> bool:
        return (self.root / "tile").exists()

    def _made(self, path: Path) -> Any:
        try:
            return path.open("wb")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("wb")

    def _moved(self, beside: Path, path: Path) -> None:
        try:
            os.replace(beside, path)  # noqa: PTH105 - twice as quick, and tiles are many
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.replace(path)


def bounded(file: Any, most: int) -> bytes:
    """The first bytes of a file, with no more memory than they take."""
    found = bytearray()
    while len(found) < most and (piece := file.read(min(_PIECE, most - len(found)))):
        found += piece
    return bytes(found)
