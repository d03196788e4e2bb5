"""Which files a path, folder, glob or URL means; links that lead out are never followed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from foretaste.data import Refusal
from foretaste.errors import UnreadableInput
from foretaste.files.pictures import fault

PACKED = (".gz", ".zst")
HEAD = 1 << 16
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Entry:
    """One file of a data set."""

    path: str  # as the file system knows it
    name: str  # inside the data set, with forward slashes: what locations show
    size: int


@dataclass(frozen=True)
class Tree:
    """The files of a data set, in reading order."""

    url: str
    fs: Any
    root: str
    entries: tuple[Entry, ...]
    refused: tuple[Refusal, ...]  # links that lead out of the tree
    passed_over: tuple[str, ...]  # files of other formats
    single: bool

    def open(self, entry: Entry) -> Any:
        """The file, for reading bytes."""
        return opened(self.fs, entry.path)

    def fault(self, image: bytes) -> str:
        """Why an image file cannot be used; empty where it can."""
        return fault(image)

    def read(self, name: str, limit: int) -> bytes:
        """A small file beside the data, such as an image; never one outside the tree."""
        path = inside(self.fs, self.root, name)
        with opened(self.fs, path) as stream:
            content: bytes = stream.read(limit + 1)
        if len(content) > limit:
            raise UnreadableInput(f"{name} is larger than {limit:,} bytes")
        return content


def tree(url: str, accepts: Callable[[str], bool]) -> Tree:
    """The files that a path means, sorted by name: of many those that `accepts` names, if any."""
    fs, path = located(url)
    if not _GLOB.search(path) or fs.exists(path):
        if fs.isfile(path):
            return _one(url, fs, path)
        if not fs.isdir(path):
            raise UnreadableInput(f"there is nothing at {url}")
        root, found = path.rstrip("/"), sorted(_walk(fs, path))
    else:
        root = path[: _GLOB.search(path).start()].rpartition("/")[0]  # type: ignore[union-attr]
        found = sorted(p for p in map(str, fs.glob(path)) if "/." not in p[len(root) :])
        if not found:
            raise UnreadableInput(f"nothing matches {url}")
    return _many(url, fs, root, found, accepts)


def located(url: str) -> tuple[Any, str]:
    """The file system and the path in it."""
    try:
        fs, path = fsspec.core.url_to_fs(str(url))
    except (ImportError, ValueError) as error:
        raise UnreadableInput(f"cannot open {url}: {error}") from error
    return fs, str(path)


def opened(fs: Any, path: str) -> Any:
    """A file for reading bytes; every failure is an `UnreadableInput`."""
    try:
        return fs.open(path, "rb")
    except OSError as error:
        raise UnreadableInput(f"cannot open {path}: {error.strerror or error}") from error


def head(url: str, size: int = HEAD) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        fs, path = located(url)
        if not fs.isfile(path):
            return b""
        with opened(fs, path) as stream:
            return bytes(stream.read(size))
    except (UnreadableInput, OSError):
        return b""


def kind_of(name: str) -> str:
    """The suffix that tells the format, without its packing.

    >>> kind_of("a/Rows.JSONL.gz"), kind_of("README")
    ('.jsonl', '')
    """
    path = Path(name.lower())
    if path.suffix in PACKED:
        path = path.with_suffix("")
    return path.suffix


def share(url: str, kinds: tuple[str, ...], look_at: int = 2_000) -> float:
    """Of the first files in a folder or glob, how many have one of these suffixes; 0 to 1."""
    try:
        fs, path = located(url)
        names = fs.glob(path) if _GLOB.search(path) else _walk(fs, path)
        some = [kind_of(str(name)) for _, name in zip(range(look_at), names, strict=False)]
    except (UnreadableInput, OSError, ValueError):
        return 0.0
    some = [kind for kind in some if kind not in ("", ".md", ".txt")]
    return sum(kind in kinds for kind in some) / len(some) if some else 0.0


def inside(fs: Any, root: str, name: str) -> str:
    """The path of a name in the tree; a name or a link that leads out is refused."""
    path = f"{root}/{name}" if root else name
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts or _leads_out(fs, root, path):
        raise UnreadableInput(f"{name} leads out of the data set")
    return path


def _one(url: str, fs: Any, path: str) -> Tree:
    root, _, name = path.rpartition("/")
    entry = Entry(path, name, int(fs.size(path) or 0))
    return Tree(url, fs, root, (entry,), (), (), single=True)


def _many(url: str, fs: Any, root: str, found: list[str], accepts: Callable[[str], bool]) -> Tree:
    entries: list[Entry] = []
    refused: list[Refusal] = []
    passed_over = []
    names = [path[len(root) :].lstrip("/") for path in found]
    wanted = set(filter(accepts, names)) or set(names)  # who names a format knows better
    for path, name in zip(found, names, strict=True):
        folder = fs.isdir(path)  # a link to one: nothing else is listed as a file
        if (name in wanted or folder) and _leads_out(fs, root, path):
            refused.append(Refusal(len(refused), name, "a link that leads out of the data set"))
        elif folder or name not in wanted:
            passed_over.append(name)
        else:
            entries.append(Entry(path, name, int(fs.size(path) or 0)))
    return Tree(url, fs, root, tuple(entries), tuple(refused), tuple(passed_over), single=False)


def _walk(fs: Any, path: str) -> Iterator[str]:
    for folder, _, names in fs.walk(path):
        if "/." in folder[len(path.rstrip("/")) :]:
            continue
        yield from (f"{folder.rstrip('/')}/{n}" for n in names if n and not n.startswith("."))


def _leads_out(fs: Any, root: str, path: str) -> bool:
    if "file" not in fs.protocol:
        return False
    real, top = os.path.realpath(path), os.path.realpath(root or "/")
    return os.path.commonpath([real, top]) != top
