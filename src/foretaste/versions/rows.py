r"""The digests of a version's rows, on disk: ROOT.rows.

    16 bytes  b"foretaste rows 1"
     8 bytes  how many rows, big-endian
    32 bytes  the root
     8 bytes  zero
    32 bytes  a digest, one after the other, in reading order

The file is a look-up, never a proof: who opens it computes the root again. A ledger knows the root
alone, so deleting the file leaves nothing there that tells of a row.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from foretaste.durable import sync_folder
from foretaste.errors import BadRecord
from foretaste.ledger.dsse import read_json
from foretaste.ledger.merkle import LENGTH, check_inclusion, inclusion
from foretaste.ledger.refusals import MalformedEntry, MalformedProof
from foretaste.versions.encoding import Bytes
from foretaste.versions.hashing import HEIGHT, WIDTH, root_of, top

MAGIC = b"foretaste rows 1"
HEAD = 64  # bytes
SUFFIX = ".rows"
LOOKED = 1 << 20  # digests compared at once
LARGEST = 16_384  # bytes of a proof
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RowProof:
    """That a row is in a version.

    position: of the row among those that could be read, from 0
    rows:     how many the version has
    digest:   the row's
    path:     the siblings' hashes, from the row up
    """

    position: int
    rows: int
    digest: bytes
    path: tuple[bytes, ...]

    @property
    def content(self) -> bytes:
        """As it is handed out: JSON, hashes in hexadecimal."""
        said = {"position": self.position, "rows": self.rows, "digest": self.digest.hex()}
        return json.dumps({**said, "path": [one.hex() for one in self.path]}).encode()

    @classmethod
    def read(cls, content: bytes) -> RowProof:
        """The proof in such bytes, of which nothing has been checked. Raises `MalformedProof`."""
        try:
            said = read_json(content, LARGEST)
            position, rows, path = said["position"], said["rows"], said["path"]
            if not (type(position) is type(rows) is int and isinstance(path, list)):
                raise TypeError("its numbers are none")
            return cls(position, rows, _hash(said["digest"]), tuple(map(_hash, path)))
        except (KeyError, TypeError, ValueError, MalformedEntry) as error:
            raise MalformedProof(f"no proof of a row: {type(error).__name__} {error}") from error


def check_row(digest: bytes, proof: RowProof, root: str) -> None:
    """That a row of this digest stands where the proof says, in the version of this root.

    Raises `WrongInclusion` where it does not, `MalformedProof` for what is no proof.
    """
    check_inclusion(digest, proof.position, proof.rows, proof.path, _hash(root))


def _hash(said: str) -> bytes:
    if not isinstance(said, str) or not _HEX.fullmatch(said):
        raise MalformedProof(f"{str(said)[:80]!r} is no SHA-256 in hexadecimal")
    return bytes.fromhex(said)


@dataclass(frozen=True)
class Rows:
    """The digests of a version's rows, mapped into memory and held against their root."""

    root: str
    digests: Bytes = field(repr=False)
    _subtrees: Bytes = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> Rows:
        """Opens ROOT.rows. Raises `BadRecord` where it is damaged."""
        try:
            with path.open("rb") as file:
                head = file.read(HEAD)
            content = np.memmap(path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise BadRecord(f"{path} cannot be read as digests of rows: {error}") from error
        rows = int.from_bytes(head[16:24])
        if head[:16] != MAGIC or any(head[56:]) or len(content) != HEAD + rows * LENGTH:
            raise BadRecord(f"{path} holds no digests of rows, or was cut short")
        digests = content[HEAD:].reshape(-1, LENGTH)
        subtrees = [top(digests[at : at + WIDTH]) for at in range(0, rows, WIDTH)]
        above = np.stack(subtrees) if subtrees else np.empty((0, LENGTH), np.uint8)
        root = top(above).tobytes() if subtrees else root_of(())
        if root != head[24:56] or path.stem not in ("", root.hex()):
            raise BadRecord(f"{path} is damaged: its digests have the root {root.hex()}")
        return cls(root.hex(), digests, above)

    def __len__(self) -> int:
        return len(self.digests)

    def find(self, digest: bytes) -> tuple[int, ...]:
        """The positions of a row; more than one where it is there more than once."""
        wanted = np.frombuffer(digest, np.uint8)
        if len(wanted) != LENGTH:
            return ()
        first = wanted[:8].view(np.uint64)[0]  # few others share so much
        found: list[int] = []
        for start in range(0, len(self), LOOKED):
            part = self.digests[start : start + LOOKED]
            alike = np.flatnonzero(part[:, :8].view(np.uint64)[:, 0] == first)
            found += [start + int(at) for at in alike if (part[at] == wanted).all()]
        return tuple(found)

    def proof(self, position: int) -> RowProof:
        """The proof that the row at a position is in this version; O(log n) hashes.

        Raises `MalformedProof` where there is no such row.
        """
        path = inclusion(position, len(self), self._hash)
        return RowProof(position, len(self), self.digests[position].tobytes(), path)

    def _hash(self, height: int, index: int) -> bytes:
        level, up = (self.digests, height) if height < HEIGHT else (self._subtrees, height - HEIGHT)
        return top(level[index << up : (index + 1) << up]).tobytes()


class Sidecar:
    """Writes digests into a folder; nothing is there by its name until all of it is."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", dir=folder)
        self._path, self._file = Path(name), os.fdopen(handle, "wb")
        self._file.write(bytes(HEAD))

    def __enter__(self) -> Sidecar:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, digests: Bytes) -> None:
        """The next rows."""
        self._file.write(digests.tobytes())

    def finish(self, root: bytes, rows: int) -> Path:
        """Makes the file durable under its name."""
        self._file.seek(0)
        self._file.write(MAGIC + rows.to_bytes(8) + root + bytes(8))
        self._file.flush()
        os.fsync(self._file.fileno())
        path = self._path.with_name(root.hex() + SUFFIX)
        self._path.replace(path)
        sync_folder(path.parent)
        return path
