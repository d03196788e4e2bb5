"""The list of a folder's files with their SHA-256, as `sha256sum` writes and checks it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from foretaste.errors import UnreadableInput, WrongChecksum
from foretaste.files.streams import BLOCK

SUFFIX = ".sha256"
LARGEST = 256 << 20  # bytes of a list
FOLDER = "inode/directory"  # the media type of a folder
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)", re.ASCII)
Read = Callable[[str], Any]  # name of a file -> the file, opened for reading bytes


def listing(files: Iterable[str], read: Read) -> bytes:
    """The list of some files, by name.

    >>> import io
    >>> listing(["a"], lambda name: io.BytesIO(b""))[:12]
    b'e3b0c44298fc'
    """
    lines = []
    for name in sorted(files):
        with read(name) as stream:
            lines.append(f"{digest_of(stream)}  {name}\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


def read_listing(content: bytes, shown: str) -> dict[str, str]:
    """Name -> SHA-256. Raises `UnreadableInput` for what is no such list."""
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        match = _LINE.fullmatch(line)
        if match and match[2] not in found:
            found[match[2]] = match[1]
        elif line:
            raise UnreadableInput(f"{shown}: {line[:80]!r} is no line of sha256sum, or a second")
    return found


def compare(files: Iterable[str], read: Read, lines: Mapping[str, str]) -> None:
    """That these are the files listed, all of them and no others. Raises `WrongChecksum`."""
    left = dict(lines)
    for name in files:
        wanted = left.pop(name, "")
        with read(name) as stream:
            found = digest_of(stream)
        if found != wanted:
            raise WrongChecksum(name, found, wanted)
    for name, wanted in left.items():
        raise WrongChecksum(name, "", wanted)


def digest_of(stream: Any, also: Callable[[bytes], Any] = len) -> str:
    """The SHA-256 of what is left in a file; also: is given every block of it."""
    digest = hashlib.sha256()
    while some := stream.read(BLOCK):
        digest.update(some)
        also(some)
    return digest.hexdigest()
