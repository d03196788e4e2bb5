"""Folders of files, walked without following anything out of them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import fsspec

from foretaste.errors import UnreadableInput

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Leaf:
    """One thing found in a folder.

    path:  below the root, with `/`, as the system has it
    fault: why it must not be read: a link out of the tree, a pipe, a device …
    empty: a folder with nothing in it
    """

    path: str
    size: int = 0
    fault: str = ""
    empty: bool = False

    @property
    def location(self) -> str:
        """The path as it can be printed and stored, also where its bytes are not UTF-8."""
        return printable(self.path)


def printable(text: str) -> str:
    r"""The same text where it is Unicode; bytes and halves of characters that are not, spelt out.

    >>> printable("caf\udce9")
    'caf\\xe9'
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


class Tree(Protocol):
    """A folder, here or behind a URL."""

    def leaves(self) -> Iterator[Leaf]:
        """Files, links, and folders that hold nothing; not what is hidden (`.git`, `._a.jpg`)."""

    def read(self, leaf: Leaf, limit: int) -> bytes:
        """Its bytes; an OSError where there are more than the limit."""

    def copy(self, leaf: Leaf, target: Path) -> None:
        """The same bytes at the target; a link as a link, a pipe as an empty file."""


def tree_of(path: str) -> Tree | None:
    """The folder at a path or URL; None where there is none.

    >>> tree_of("/no/such/folder") is None
    True
    """
    if "://" not in path and "::" not in path:
        return LocalTree(Path(path).resolve()) if Path(path).is_dir() else None
    system, root = fsspec.core.url_to_fs(path)
    return RemoteTree(system, root.rstrip("/")) if system.isdir(root) else None


@dataclass(frozen=True)
class LocalTree:
    """A folder on this machine. Links to files inside are read, links to folders never."""

    root: Path

    def leaves(self) -> Iterator[Leaf]:
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                yield Leaf(self._name(folder), fault=f"folder cannot be listed: {error.strerror}")
                continue
            if not entries and folder != self.root:
                yield Leaf(self._name(folder), empty=True)
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    yield self._leaf(entry)

    def read(self, leaf: Leaf, limit: int) -> bytes:
        with self._opened(leaf) as file:
            return _bounded(file, limit)

    def copy(self, leaf: Leaf, target: Path) -> None:
        origin = self.root / leaf.path
        if leaf.fault and origin.is_symlink():
            target.symlink_to(origin.readlink())
        elif leaf.fault and not origin.is_file():
            target.touch()
        else:
            _copied(self, leaf, target)

    def _opened(self, leaf: Leaf) -> BinaryIO:
        # a file swapped for a pipe since it was listed must not block, nor a device be read
        handle = os.open(self.root / leaf.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError("not a regular file")
        return os.fdopen(handle, "rb")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _leaf(self, entry: os.DirEntry[str]) -> Leaf:
        name = self._name(Path(entry.path))
        try:
            if entry.is_symlink():
                fault = self._astray(entry)
                return Leaf(name, 0 if fault else entry.stat().st_size, fault)
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            return Leaf(name, fault=f"cannot be read: {error.strerror}")
        regular = stat.S_ISREG(status.st_mode)
        return Leaf(name, status.st_size, "" if regular else "a pipe, socket or device, no file")

    def _astray(self, entry: os.DirEntry[str]) -> str:
        try:
            goal = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):
            return "a link that leads nowhere"
        if not goal.is_relative_to(self.root):
            return "a link out of the data set"
        if goal.is_dir():
            return "a link to a folder, which is not followed"
        return "" if goal.is_file() else "a link to a pipe, socket or device"


@dataclass(frozen=True)
class RemoteTree:
    """A folder behind any fsspec URL: `memory://`, `zip://::a.zip`, `s3://` …"""

    system: Any
    root: str

    def leaves(self) -> Iterator[Leaf]:
        found = self.system.find(self.root, withdirs=False, detail=True)
        for path, info in sorted(found.items()):
            name = path[len(self.root) :].lstrip("/") if self.root else path.lstrip("/")
            parts = name.split("/")
            if any(part.startswith(".") for part in parts):
                continue
            yield Leaf(name, int(info.get("size") or 0))

    def read(self, leaf: Leaf, limit: int) -> bytes:
        with self._opened(leaf) as file:
            return _bounded(file, limit)

    def copy(self, leaf: Leaf, target: Path) -> None:
        _copied(self, leaf, target)

    def _opened(self, leaf: Leaf) -> Any:
        path = f"{self.root}/{leaf.path}" if self.root else leaf.path
        return self.system.open(path, "rb")


def _bounded(file: Any, limit: int) -> bytes:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"more than {limit} bytes")
    return bytes(data)


def _copied(tree: Any, leaf: Leaf, target: Path) -> None:
    try:
        with tree._opened(leaf) as origin, target.open("xb") as copy:
            shutil.copyfileobj(origin, copy, CHUNK)
    except OSError as error:
        raise UnreadableInput(
            f"{leaf.location}: cannot be copied ({error}); fix or remove it, then try again"
        ) from error
