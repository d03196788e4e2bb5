"""What logs and witnesses say to each other: requests and answers of C2SP tlog-witness.

    old 20852014
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
    …

    example.com/log
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/log Az3grlgt…

References
----------
C2SP. Transparency Log Witnesses. c2sp.org/tlog-witness
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from foretaste.errors import LedgerRefused
from foretaste.ledger.note import LARGEST as NOTE
from foretaste.ledger.note import Note, Signature
from foretaste.ledger.refusals import MalformedProof, WitnessRefused
from foretaste.ledger.tlog_proof import hashes_of, number

LARGEST = NOTE + (16 << 10)  # bytes of a request
PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class AddCheckpoint:
    """A request to sign a checkpoint.

    old:        size of the last checkpoint that the witness signed, as the log believes
    hashes:     proof that the log only grew from there
    checkpoint: signed note
    """

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def read(cls, content: bytes) -> AddCheckpoint:
        """From a body; raises `MalformedProof`. The note in it is not looked at."""
        if len(content) > LARGEST:
            raise MalformedProof(f"{len(content):,} bytes, where {LARGEST:,} are allowed")
        head, _, checkpoint = content.partition(b"\n\n")
        if not checkpoint.endswith(b"\n"):
            raise MalformedProof("no checkpoint after an empty line, or its last line does not end")
        first, *lines = head.split(b"\n")
        return cls(number(first, b"old "), hashes_of(lines), checkpoint)

    @property
    def content(self) -> bytes:
        """As a body."""
        lines = [b"old %d" % self.old, *map(base64.b64encode, self.hashes)]
        return b"\n".join(lines) + b"\n\n" + self.checkpoint


def signature_lines(signatures: Iterable[Signature]) -> bytes:
    """The answer of a witness that signed."""
    return "".join(one.line for one in signatures).encode()


def read_signature_lines(content: bytes, text: str) -> tuple[Signature, ...]:
    """The signatures in such an answer, to the text of a checkpoint; raises `WitnessRefused`.

    None of them is checked yet.
    """
    try:
        note = Note.read(text.encode() + b"\n" + content)
    except LedgerRefused as error:
        raise WitnessRefused(f"an answer that holds no signatures: {error}") from error
    if note.text != text:
        raise WitnessRefused("an answer that holds other text than signatures")
    return note.signatures


def size_line(size: int) -> bytes:
    """The answer of a witness that last signed another size."""
    return b"%d\n" % size


def read_size_line(content: bytes) -> int:
    """The size in such an answer; raises `WitnessRefused`."""
    try:
        if not content.endswith(b"\n"):
            raise MalformedProof("the line does not end")
        return number(content[:-1], b"")
    except MalformedProof as error:
        raise WitnessRefused(f"an answer that holds no size: {error}") from error
