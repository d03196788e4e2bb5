"""Data sets and files as things that a ledger can name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foretaste import readers
from foretaste.checkpoints.listing import listed
from foretaste.contracts import Source
from foretaste.data import Batch, Ints
from foretaste.errors import BadInput
from foretaste.files.streams import sha256
from foretaste.ledger.event import Event, Thing
from foretaste.store import Digest
from foretaste.versions import Rows, Version, version_of
from foretaste.versions.hashing import root_of
from foretaste.versions.rows import Sidecar

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Seen:
    """A data set as it was when it was read.

    thing:       with the root over its rows, and the SHA-256 of its file where it is one
    version:     root, counts, and where the digests of its rows are kept
    fingerprint: over the content ids, as a scan's record has it
    event:       that this version is there; None where the ledger's folder knew it already
    source:      where it is read
    """

    thing: Thing
    version: Version
    fingerprint: str
    event: Event | None
    source: Source = field(repr=False)

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be told before anything is told of this data set."""
        return () if self.event is None else (self.event,)

    def same(self) -> None:
        """That it is still what it was: by its file, or read once more where it is many.

        Raises `BadInput`: what was done with it cannot be told of what it is now.
        """
        now = _whole(self.thing.name)
        if not now and "sha256" not in self.thing.digest:
            now = {"rows": version_of(self.source).root}
        if not now.items() <= self.thing.digest.items() or not now:
            name = self.thing.name
            raise BadInput(f"{name} was changed meanwhile; nothing of this goes into the ledger")

    def some(self, positions: Ints, folder: Path) -> str:
        """The root over some of its rows, whose digests are kept too."""
        if self.version.path is None:
            raise BadInput(f"{self.thing.name}: the digests of its rows were not kept")
        chosen = Rows.open(self.version.path).digests[np.asarray(positions, np.int64)]
        with Sidecar(folder) as kept:
            kept.add(chosen)
            root = root_of([chosen] if len(chosen) else [])
            kept.finish(root, len(chosen))
        return root.hex()


@dataclass
class _Fingerprinted:
    """A data set that is fingerprinted while somebody walks it."""

    source: Iterable[Batch]
    digest: Digest = field(default_factory=Digest)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.source:
            self.digest.add(batch)
            yield batch


def seen(
    path: str,
    source: Source,
    folder: Path,
    progress: Progress | None = None,
) -> Seen:
    """A data set, walked once more for its version.

    path:     as the user called it
    folder:   of digests of rows, by root
    progress: is told how many rows more are done
    """
    walked = _Fingerprinted(source)
    before = {one.name for one in folder.glob("*.rows")} if folder.exists() else set()
    version = version_of(walked, progress, folder)
    thing = Thing("dataset", path, {"rows": version.root, **_whole(path)})
    name = version.path.name if version.path else ""
    facts: dict[str, Any] = {
        "rows": version.rows,
        "refused": version.refused,
        "format": source.format,
        "roles": dict(source.roles),
        "sidecar": name,
    }
    event = None if name in before else Event("dataset_version", (thing,), (), facts)
    return Seen(thing, version, walked.digest.hexdigest(), event, source)


def named(path: str, source: Source | None = None) -> Thing:
    """A data set by the SHA-256 of its file; one that is more than a file, by its rows."""
    digest = _whole(path)
    if not digest:
        digest = {"rows": version_of(source or readers.open(path, {})).root}
    return Thing("dataset", path, digest)


def opened_and_seen(
    path: str,
    roles: Mapping[str, str],
    folder: Path,
    progress: Progress | None = None,
    reader: str | None = None,
) -> Seen:
    """A data set by its path, walked once for its version."""
    return seen(path, readers.open(path, roles, reader), folder, progress)


def file_of(kind: str, path: Path, name: str | None = None) -> Thing:
    """A file as it is now. Raises `BadInput` where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return Thing(kind, name or str(path), {"sha256": sha256(stream)})
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def model_of(path: Path) -> Thing:
    """A model's file as it is now; of a folder, the digest that `foretaste inspect` tells."""
    if not path.is_dir():
        return file_of("model", path)
    return Thing("model", str(path), {"sha256": listed(path).digest()})


def only(folder: Path) -> Path:
    """The one file in a folder, or the folder."""
    there = sorted(folder.iterdir())
    return there[0] if len(there) == 1 and there[0].is_file() else folder


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON has them; what it has no word for as text."""
    kept = str | int | float | bool | None
    return {name: one if isinstance(one, kept) else str(one) for name, one in settings.items()}


def _whole(path: str) -> dict[str, str]:
    """The SHA-256 of a data set that is one file here."""
    local = Path(path)
    try:
        if not local.is_file():
            return {}
        with local.open("rb") as stream:
            return {"sha256": sha256(stream)}
    except OSError:
        return {}
