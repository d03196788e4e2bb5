"""The files of a model or data set, each with its SHA-256; hidden ones are files like others."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foretaste.artefacts.refusals import ContentMoves, Difference, How
from foretaste.errors import UnreadableInput, UnsafeInput

BLOCK = 1 << 20
MOST = 250_000  # files
ALONE = "."  # the name of a file that is signed alone
Progress = Callable[[int], None]
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """What there is in a folder, or a file alone.

    names: of files, relative to the folder, with slashes, in the order of their parts
    odd:   what is there and is no file of its own: links, devices, what cannot be read
    """

    root: Path
    names: tuple[str, ...]
    odd: tuple[Difference, ...]

    def path(self, name: str) -> Path:
        """Where a file is."""
        return self.root if name == ALONE else self.root / name

    def refuse_odd(self) -> None:
        """Raises `UnsafeInput` where anything is no plain file."""
        if self.odd:
            told = ", ".join(f"{one.name!r} ({one.detail})" for one in self.odd[:5])
            raise UnsafeInput(
                f"{self.root} has {len(self.odd):,} entries that are no files of its own: {told}; "
                "put the files themselves there"
            )


def files_of(root: Path, links: bool = False, without: Path | None = None) -> Files:
    """The files of a folder, hidden ones too; or the one file.

    links:   whether links to files are taken as the files they lead to
    without: a file that is left out: a signature that lies in the folder
    Raises `UnreadableInput` where there is nothing.
    """
    if not root.is_dir():
        return _alone(root)
    out = os.path.realpath(without) if without is not None else None
    names: list[str] = []
    odd_ones: list[Difference] = []
    for path in _walked(root):
        if out is not None and not path.is_symlink() and os.path.realpath(path) == out:
            continue
        name = path.relative_to(root).as_posix()
        if found := _odd(path, links):
            odd_ones.append(Difference(found[0], name, found[1]))
        else:
            names.append(name)
        if len(names) + len(odd_ones) > MOST:
            raise UnreadableInput(f"{root} holds more than {MOST:,} files; sign parts of it")
    return Files(root, tuple(sorted(names, key=parts)), tuple(odd_ones))


def _alone(path: Path) -> Files:
    """One file; a link that somebody names is meant."""
    if not path.exists():
        raise UnreadableInput(f"there is nothing at {path}")
    if odd := _odd(path, links=True):
        return Files(path, (), (Difference(odd[0], ALONE, odd[1]),))
    return Files(path, (ALONE,), ())


def parts(name: str) -> list[str]:
    """What names are sorted by: folder by folder."""
    return name.split("/")


def hashed(path: Path, links: bool, progress: Progress | None = None) -> tuple[str, Stamp]:
    """SHA-256 of a file, and what tells whether it was touched since.

    links:    whether a link is followed
    progress: told how many bytes more were read
    Raises `ContentMoves` where it is written to meanwhile, `UnsafeInput` where it became a link.
    """
    flags = os.O_RDONLY | (0 if links else getattr(os, "O_NOFOLLOW", 0))
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
            before = stamp(os.fstat(file.fileno()))
            while block := file.read(BLOCK):
                digest.update(block)
                if progress is not None:
                    progress(len(block))
            after = stamp(os.fstat(file.fileno()))
    except OSError as error:
        raise UnsafeInput(f"{path} cannot be read as a file: {error.strerror}") from error
    if after != before:
        raise ContentMoves(f"{path} was changed while it was read")
    return digest.hexdigest(), before


def stamp(found: os.stat_result) -> Stamp:
    """What changes whenever a file is replaced or written to."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _walked(root: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise UnreadableInput(f"{error.filename} cannot be listed: {error.strerror}") from error

    for folder, folders, names in os.walk(root, onerror=fail):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (Path(folder, name) for name in (*names, *links))


def _odd(path: Path, links: bool) -> tuple[How, str] | None:
    """What something is that is no file; None for a file."""
    try:
        if path.is_symlink() and (not links or path.is_dir()):
            return How.LINK, f"a link to {path.readlink()}"
        if not stat.S_ISREG(path.stat().st_mode):
            return How.ODD, "a device, pipe or socket"
    except OSError as error:
        return How.ODD, f"not readable: {error.strerror}"
    return None
