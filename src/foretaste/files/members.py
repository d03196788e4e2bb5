"""Chosen members of an archive, unpacked within limits; nothing of it leads out of the folder."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import Any, Self

from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files.streams import BLOCK, Limits

MOST = 2_000_000  # members of an archive
HEADER = 1 << 20  # bytes of a name, or of what else stands before a member
ZIP, TAR = "zip", "tar"
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError,
    RuntimeError, ValueError, OverflowError, NotImplementedError,
)  # fmt: skip


@dataclass
class Budget:
    """How much may still come out of archives."""

    limits: Limits
    packed: int
    given: int = 0

    def take(self, size: int, name: str) -> None:
        """Counts some bytes. Raises `UnsafeInput` when it is too much."""
        self.given += size
        most = max(self.limits.free, self.limits.expansion * self.packed)
        if self.given > min(most, self.limits.unpacked):
            raise UnsafeInput(
                f"{name} expands more than {self.limits.expansion:g} times, like a decompression "
                "bomb; if you trust it, unpack it yourself and describe that"
            )


def kind_of_archive(first: bytes) -> str:
    r"""What an archive is, by its first 512 bytes; a gzip file may be one.

    >>> kind_of_archive(b"PK\3\4"), kind_of_archive(b"\x1f\x8b"), kind_of_archive(b"text")
    ('zip', 'tar', '')
    """
    if first.startswith((b"PK\3\4", b"PK\5\6")):
        return ZIP
    return TAR if first.startswith(b"\x1f\x8b") or first[257:262] == b"ustar" else ""


def unpack(
    stream: Any, name: str, size: int, wanted: Callable[[str], bool], into: Path, limits: Limits
) -> list[str]:
    """Writes the wanted members below `into`, by their names; which they were.

    stream: the archive, which can be sought in; size: its bytes
    Raises `UnsafeInput` for links, devices, names that lead out, names that come twice and
    archives that expand too far; `UnreadableInput` for a broken one.
    """
    first = stream.read(512)
    stream.seek(0)
    kind, budget = kind_of_archive(first), Budget(limits, size)
    if not kind:
        raise UnreadableInput(f"{name} is no archive of kind zip, tar or tar.gz")
    try:
        if kind == ZIP:
            return list(_written(_zip(stream), name, wanted, into, budget))
        with _unzipped(stream, name, Budget(limits, size)) as plain:
            found = _tar(plain, name, limits, size)
            return list(_written(found, name, wanted, into, budget))
    except (UnsafeInput, UnreadableInput):
        raise
    except _BROKEN as error:
        raise UnreadableInput(f"{name} is a broken archive: {str(error)[:200]}") from error


@dataclass(frozen=True)
class Member:
    """One file of an archive; fault: why it must not be unpacked; body: gives its bytes."""

    name: str
    fault: str
    body: Callable[[], Any]


def _written(
    members: Iterator[Member], archive: str, wanted: Callable[[str], bool], into: Path,
    budget: Budget,
) -> Iterator[str]:  # fmt: skip
    seen: set[str] = set()
    for count, member in enumerate(members):
        if count >= MOST:
            raise UnsafeInput(f"{archive} has more than {MOST:,} members")
        if not wanted(member.name):
            continue
        fault = member.fault or _astray(member.name)
        if fault or member.name in seen:
            raise UnsafeInput(f"{archive}: {member.name[:200]!r} {fault or 'comes twice'}")
        seen.add(member.name)
        target = into / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.body() as body, target.open("xb") as out:
            while some := body.read(BLOCK):
                budget.take(len(some), archive)
                out.write(some)
        yield member.name


def _zip(stream: Any) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            fault = "is a link" if stat.S_ISLNK(mode) else ""
            if info.flag_bits & 1:
                fault = "is encrypted"
            yield Member(info.filename, fault, partial(archive.open, info))


def _tar(stream: Any, name: str, limits: Limits, size: int) -> Iterator[Member]:
    passed = Budget(limits, size)  # what is passed over costs time, too
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as archive:
        for info in archive:
            passed.take(info.size, name)
            if info.isdir():
                continue
            fault = "" if info.isreg() else "is a link, a device or a pipe"
            body = partial(archive.extractfile, info)
            yield Member(info.name.removeprefix("./"), fault, body)


class _Header(tarfile.TarInfo):
    """A header that may not ask for much memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: Any, errors: Any) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type not in tarfile.REGULAR_TYPES and found.size > HEADER:
            raise UnsafeInput(f"a tar archive with a header of {found.size:,} bytes")
        return found


@contextmanager
def _unzipped(stream: Any, name: str, budget: Budget) -> Iterator[Any]:
    """A tar archive as it was before gzip, in a file that nobody sees."""
    if stream.read(2) != b"\x1f\x8b":
        stream.seek(0)
        yield stream
        return
    stream.seek(0)
    with TemporaryFile() as plain:
        with gzip.open(stream) as packed:
            while some := packed.read(BLOCK):
                budget.take(len(some), name)
                plain.write(some)
        plain.seek(0)
        yield plain


def _astray(name: str) -> str:
    r"""Why a member must not be written under its name.

    >>> _astray("a/../../b"), _astray("a/b.csv")
    ('leads out of the archive', '')
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        return "leads out of the archive"
    return "" if path.parts and str(path) == name else "has no plain name"
