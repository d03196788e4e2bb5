"""The files a Croissant description speaks of: found, checked, and laid where readers can read.

A file is read only after its SHA-256 was found to be the one described. Where a file lies is said
by hostile text: nothing outside the description's own folder is opened and nothing is fetched from
an address; a file described by an address elsewhere is looked for under its name beside the
description. What lies on this machine is read where it lies; what comes out of an archive, or over
a network, is read from a copy, so that what was checked is what is read.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from foretaste.errors import UnreadableInput, UnsafeInput, WrongChecksum
from foretaste.files.croissant_parts import Resource
from foretaste.files.label_files import NAMES
from foretaste.files.listing import (
    FOLDER,
    LARGEST,
    SUFFIX,
    Read,
    compare,
    digest_of,
    listing,
    read_listing,
)
from foretaste.files.members import unpack
from foretaste.files.streams import BLOCK, Limits
from foretaste.files.tree import inside, kind_of, located, opened

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_KINDS = (".csv", ".jsonl")  # of files that say more about images


@dataclass(frozen=True)
class Staged:
    """Where a resource can be read now.

    path:  of a file or a folder
    base:  the same, below the folder of the description
    files: paths below it, of a folder
    packed: paths of the archives that it comes from, below the folder of the description
    held:  a folder that goes when this does
    """

    path: str
    base: str
    files: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    held: Any = field(default=None, repr=False, compare=False)


@dataclass
class Stage:
    """The folder of a description, and what is known of it.

    resources: by id; notes: what no checksum covers
    """

    url: str
    resources: Mapping[str, Resource]
    limits: Limits = field(default_factory=Limits)
    notes: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fs, path = located(self.url)
        self.root = path.rpartition("/")[0]
        self.local = "file" in self.fs.protocol

    def laid(self, name: str) -> Staged:
        """A resource, checked and ready to be read.

        Raises `WrongChecksum`, `UnreadableInput` where a file is not there, `UnsafeInput` where
        it leads elsewhere.
        """
        one = self.resource(name)
        if one.many:
            return self._set(one)
        if one.inside:
            return self._from_archives(one, one.inside, one.url.__eq__)
        if FOLDER in one.formats:
            return self._folder(one, lambda name: True)
        where = self._where(one)
        if self.local:
            self._check(one, where)
            return Staged(where, self._below(where))
        held = TemporaryDirectory(prefix="foretaste-")
        target = Path(held.name) / where.rpartition("/")[2]
        self._check(one, where, target)
        return Staged(str(target), self._below(where), held=held)

    def together(self, names: Iterable[str]) -> Staged:
        """Several files, each checked, in a folder in which there is nothing else."""
        ones = {self._below(where): where for where in map(self._vouch, names)}
        return self._gathered(self.root, sorted(ones), "all files")

    def resource(self, name: str) -> Resource:
        """The resource of an id."""
        try:
            return self.resources[name]
        except KeyError:
            known = ", ".join(list(self.resources)[:10])
            raise UnreadableInput(
                f"{self.url}: no file is called {name[:80]!r}; there are {known}"
            ) from None

    def _set(self, one: Resource) -> Staged:
        wanted = one.takes()
        holders = [self.resource(name) for name in one.inside]
        folders = [holder for holder in holders if FOLDER in holder.formats]
        if len(folders) == len(holders) == 1:
            return self._folder(folders[0], wanted)
        for folder in () if holders else self.resources.values():
            lead = folder.lead
            if FOLDER in folder.formats and all(
                pattern.startswith(lead) for pattern in one.includes
            ):
                return self._folder(folder, lambda name, lead=lead: wanted(lead + name))  # type: ignore[misc]
        if not holders or all("git+https" in holder.formats for holder in holders):
            self.notes[f"no checksum covers the files of {one.id}"] = None
            return self._gathered(self.root, self._listed(self.root, wanted), one.id)
        return self._from_archives(one, one.inside, wanted)

    def _folder(self, one: Resource, wanted: Callable[[str], bool]) -> Staged:
        """A folder; its SHA-256 is that of the list of those of its files that are read."""
        lead = one.lead
        root = self._inside(lead.rstrip("/")) if lead else self.root
        files = self._listed(root, wanted)
        if not one.sha256:
            self.notes[f"no checksum covers the files of {one.id}"] = None
            return self._gathered(root, files, one.id)
        if self.local:
            self._vouched(one, files, lambda name: opened(self.fs, self._inside(name, root)))
            return self._gathered(root, files, one.id)
        staged = self._gathered(root, files, one.id)
        self._vouched(one, files, lambda name: (Path(staged.path) / name).open("rb"))
        return staged

    def _vouched(self, one: Resource, files: list[str], read: Read) -> None:
        """Checks the files of a folder: by the list beside it, which tells which is wrong."""
        for other in self.resources.values():
            if other.url.endswith(SUFFIX) and other.sha256 == one.sha256:
                return compare(files, read, self._lines(other))
        found = hashlib.sha256(listing(files, read)).hexdigest()
        if found != one.sha256:
            raise WrongChecksum(one.id, found, one.sha256)
        return None

    def _lines(self, one: Resource) -> dict[str, str]:
        with opened(self.fs, self._where(one)) as stream:
            content = stream.read(LARGEST + 1)
        found = hashlib.sha256(content).hexdigest()
        if found != one.sha256:
            raise WrongChecksum(one.id, found, one.sha256)
        return read_listing(content, one.id)

    def _listed(self, root: str, wanted: Callable[[str], bool]) -> list[str]:
        found = []
        for path in sorted(self.fs.find(root)):
            name = path[len(root) :].lstrip("/")
            if not name.startswith(".") and "/." not in name and wanted(name):
                found.append(name)
        return found

    def _gathered(self, root: str, files: list[str], name: str) -> Staged:
        """Those files of a folder and no others: where they lie if that is so, else as copies."""
        if not files:
            raise UnreadableInput(f"{self.url}: no file is of the set {name!r}")
        paths = [self._inside(one, root) for one in files]
        kinds = {*map(kind_of, files), *_KINDS}
        others = set(self._listed(root, lambda one: kind_of(one) in kinds)) - set(files)
        described = {one.url: one.id for one in self.resources.values() if one.sha256}
        prefix = self._below(root)
        urls = {one: f"{prefix}/{one}".lstrip("/") for one in sorted(others)}
        lists = [one for one in urls if one.rpartition("/")[2] in NAMES and urls[one] in described]
        if self.local and len(lists) == len(others):
            for one in lists:
                self._vouch(described[urls[one]])
            return Staged(root, prefix, tuple(files))
        held = TemporaryDirectory(prefix="foretaste-")
        for path, one in zip(paths, files, strict=True):
            self._copied(path, Path(held.name) / one)
        return Staged(held.name, prefix, tuple(files), held=held)

    def _vouch(self, name: str) -> str:
        """Checks one file where it lies; where that is."""
        one = self.resource(name)
        if one.many or one.inside or FOLDER in one.formats:
            raise UnreadableInput(f"{name}: without a record set, only plain files can be read")
        where = self._where(one)
        self._check(one, where)
        return where

    def _below(self, where: str) -> str:
        return where[len(self.root) :].lstrip("/")

    def _copied(self, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.local:
            try:
                os.link(path, target, follow_symlinks=True)
                return
            except OSError:
                shutil.copyfile(path, target)
                return
        with opened(self.fs, path) as stream, target.open("xb") as out:
            shutil.copyfileobj(stream, out, BLOCK)

    def _from_archives(
        self, one: Resource, names: Iterable[str], wanted: Callable[[str], bool]
    ) -> Staged:
        """Members of archives, unpacked; a single file by its path, several as a folder."""
        held = TemporaryDirectory(prefix="foretaste-")
        files: list[str] = []
        bases = []
        for name in names:
            archive = self.resource(name)
            if archive.many or archive.inside:
                raise UnreadableInput(f"{one.id}: {name} is in an archive itself; unpack it first")
            packed = self.laid(name)
            bases.append(packed.base)
            with Path(packed.path).open("rb") as stream:
                size = Path(packed.path).stat().st_size
                files += unpack(stream, name, size, wanted, Path(held.name), self.limits)
        if not files:
            raise UnreadableInput(f"{one.id}: nothing of it is in {', '.join(names)}")
        if one.many:
            return Staged(held.name, "", tuple(sorted(files)), tuple(bases), held)
        path = Path(held.name) / files[0]
        if one.sha256:
            with path.open("rb") as stream:
                self._checked(one, stream)
        return Staged(str(path), files[0], packed=tuple(bases), held=held)

    def _where(self, one: Resource) -> str:
        """Where a file lies; never outside the description's folder."""
        url, folder = one.url, self.url.rpartition("/")[0]
        if folder and url.startswith(f"{folder}/"):
            url = url[len(folder) + 1 :]
        if not url:
            raise UnreadableInput(f"{one.id}: the description does not say where it lies")
        if not _ADDRESS.match(url):
            path = self._inside(url)
            if not self.fs.isfile(path):
                raise UnreadableInput(f"{one.id}: there is no file {url[:200]!r} there")
            return path
        last = url.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
        for name in (last, one.id):
            path = self._inside(name) if name and not _ADDRESS.match(name) else ""
            if path and self.fs.isfile(path):
                return path
        raise UnreadableInput(
            f"{one.id} lies at {url[:200]}, and nothing is fetched because a description says so; "
            f"fetch it yourself, as {last!r} beside the description"
        )

    def _inside(self, name: str, root: str | None = None) -> str:
        if "\\" in name or "\0" in name:
            raise UnsafeInput(f"{name[:80]!r} is no path of a data set")
        return inside(self.fs, self.root if root is None else root, name)

    def _check(self, one: Resource, where: str, copy: Path | None = None) -> None:
        with opened(self.fs, where) as stream:
            self._checked(one, stream, copy)

    def _checked(self, one: Resource, stream: Any, copy: Path | None = None) -> None:
        """Compares what is left of a file with its checksum, if it has one."""
        if copy is None:
            found = digest_of(stream)
        else:
            with copy.open("xb") as out:
                found = digest_of(stream, out.write)
        if not one.sha256:
            self.notes[f"no checksum covers {one.id}"] = None
        elif found != one.sha256:
            raise WrongChecksum(one.id, found, one.sha256)
