"""Where the files of a log lie: a folder, or any object store; readers may take them off the web.

    checkpoint                  the last signed state; the only file that is ever replaced
    tile/0/000  tile/entries/…  hashes and entries; see `ledger.tiles`
    .writer/                    of a folder: lock, journal and the file being written; not published

Nothing that is read is trusted here, only kept from growing without bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import fsspec

from foretaste.ledger.folder import CHECKPOINT, Folder
from foretaste.ledger.objects import Objects
from foretaste.ledger.web import Web

__all__ = ["CHECKPOINT", "Source", "Storage", "source_of", "storage_of"]


class Source(Protocol):
    """Files that can be read."""

    def read(self, path: str, most: int) -> bytes | None:
        """The file's bytes, cut after `most` and one; None where there is no such file."""


class Storage(Source, Protocol):
    """Files that can be written, too."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Writes files; each is seen as it was, or whole.

        A checkpoint is whole after a power cut, too; of others that is sure when they are settled.
        """

    def settle(self, paths: Iterable[str]) -> None:
        """Makes files that were written outlive a power cut."""

    def partials(self, path: str) -> list[str]:
        """The partial tiles that came before a full one."""

    def drop(self, paths: Iterable[str]) -> None:
        """Removes files, those that are there."""

    def begun(self) -> bool:
        """Whether any tile is here."""


def storage_of(where: str | Path) -> Storage:
    """The storage of a folder or URL.

    >>> storage_of("/srv/ledger")
    Folder('/srv/ledger')
    """
    if local := _local(where):
        return Folder(local)
    system, root = fsspec.core.url_to_fs(str(where))
    return Objects(system, root.rstrip("/"))


def source_of(where: str | Path) -> Source:
    """Where to read the log of a folder, an object store or a web address.

    >>> source_of("https://example.com/log/")
    Web('https://example.com/log')
    """
    web = str(where).startswith(("http://", "https://"))
    return Web(str(where)) if web else storage_of(where)


def _local(where: str | Path) -> Path | None:
    text = str(where).removeprefix("file://").removeprefix("local://")
    return None if "://" in text or "::" in text else Path(text)
