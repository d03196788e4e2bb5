"""What a log signs: its name, how many entries it has, and the root over them.

References
----------
C2SP (2024). Transparency Log Checkpoints. https://c2sp.org/tlog-checkpoint
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from foretaste.ledger.merkle import LENGTH
from foretaste.ledger.note import Note, Signature, Verifier, decoded
from foretaste.ledger.refusals import Forked, MalformedCheckpoint, UnknownSigner
from foretaste.ledger.tiles import MOST

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class Signer(Protocol):
    """A key that signs; `ledger.keys.SigningKey` is one."""

    def sign(self, text: str) -> Signature: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One state of a log.

    origin:     the log's name
    size:       how many entries it has
    root:       the root of the tree over them
    extensions: further lines, which are signed too and mean nothing here

    >>> Checkpoint("example.com/log", 0, bytes(32)).text.splitlines()[:2]
    ['example.com/log', '0']
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text of the note."""
        root = base64.b64encode(self.root).decode()
        return "".join(
            f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions)
        )

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """The checkpoint of a note's text. Raises `MalformedCheckpoint`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise MalformedCheckpoint(
                f"{text[:80]!r} is no checkpoint: wanted are a name, a number, a root, each a line"
            )
        origin, size, root = lines[0], lines[1], decoded(lines[2]) or b""
        if not _NUMBER.fullmatch(size) or int(size) > MOST:
            raise MalformedCheckpoint(f"{origin[:80]!r} says it has {size[:40]!r} entries")
        if len(root) != LENGTH:
            raise MalformedCheckpoint(f"{origin[:80]!r} has a root that is no SHA-256")
        return cls(origin, int(size), root, tuple(lines[3:]))

    def grown_from(self, other: Checkpoint) -> None:
        """That no other root is known for this size, and the name is the same.

        Raises `Forked`.
        """
        if self.origin != other.origin:
            raise Forked(f"checkpoints of two logs: {self.origin!r} and {other.origin!r}")
        if self.size == other.size and self.root != other.root:
            raise Forked(f"{self.origin}: two roots are signed for {self.size} entries")


def signed(checkpoint: Checkpoint, keys: Iterable[Signer]) -> Note:
    """The note of a checkpoint, signed by each key."""
    text = checkpoint.text
    return Note(text, tuple(key.sign(text) for key in keys))


def opened(
    content: bytes, trusted: Iterable[Verifier], origin: str | None = None
) -> tuple[Checkpoint, Note]:
    """The checkpoint in a file, signed by a key that is trusted and has the log's name.

    origin: the log's name, where it is known
    Raises `MalformedNote`, `MalformedCheckpoint`, `UnknownSigner`, `WrongSignature`, and `Forked`
    for the checkpoint of another log.
    """
    note = Note.read(content)
    known = note.checked(trusted)
    checkpoint = Checkpoint.read(note.text)
    if origin not in (None, checkpoint.origin):
        raise Forked(f"a checkpoint of {checkpoint.origin!r}; wanted is one of {origin!r}")
    if all(one.name != checkpoint.origin for one in known):
        raise UnknownSigner(f"{checkpoint.origin!r} did not sign its checkpoint itself")
    return checkpoint, note
