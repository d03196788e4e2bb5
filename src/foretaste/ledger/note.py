"""Text with signatures under it, as checkpoints are: signed notes.

    example.com/log
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO…

References
----------
C2SP (2024). Note. https://c2sp.org/signed-note
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from foretaste.ledger.refusals import MalformedNote, UnknownSigner

LARGEST = 1 << 20  # bytes of a note
MOST = 100  # signatures of a note
MARK = "— "


class Verifier(Protocol):
    """A key that signatures are checked with; `ledger.keys.VerifyingKey` is one."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> int: ...

    def check(self, text: str, signature: Signature) -> None:
        """Raises `WrongSignature` where it does not fit."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A line under a note.

    name, key_id: together they name the key
    content:      the signature's bytes, after the key's id
    """

    name: str
    key_id: int
    content: bytes

    @property
    def line(self) -> str:
        """As it stands in the note."""
        said = base64.b64encode(self.key_id.to_bytes(4) + self.content).decode()
        return f"{MARK}{self.name} {said}\n"

    @classmethod
    def read(cls, line: str) -> Signature:
        """The signature of a line without its newline. Raises `MalformedNote`."""
        name, _, said = line.removeprefix(MARK).partition(" ")
        content = decoded(said) or b""
        if not line.startswith(MARK) or not proper(name) or len(content) < 5:
            raise MalformedNote(f"{line[:80]!r} is no signature: wanted is '— NAME BASE64'")
        return cls(name, int.from_bytes(content[:4]), content[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, none of which has been checked.

    text: lines that each end in a newline
    """

    text: str
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        """As it is written to a file."""
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}".encode()

    @classmethod
    def read(cls, content: bytes) -> Note:
        """The note in a file. Raises `MalformedNote`."""
        text, signatures = split(_letters(content))
        lines = signatures.split("\n")[:-1]
        if not lines or len(lines) > MOST:
            raise MalformedNote(f"a note with {len(lines)} signatures; wanted are 1 to {MOST}")
        return cls(text, tuple(map(Signature.read, lines)))

    def checked(self, trusted: Iterable[Verifier]) -> tuple[Signature, ...]:
        """The signatures by keys that are trusted, at least one; strangers' are passed over.

        Raises `WrongSignature` where one of them does not fit, `UnknownSigner` where there is none.
        """
        keys = {(key.name, key.key_id): key for key in trusted}
        known = [one for one in self.signatures if (one.name, one.key_id) in keys]
        for one in known:
            keys[one.name, one.key_id].check(self.text, one)
        if not known:
            names = ", ".join(sorted({one.name for one in self.signatures}))
            wanted = ", ".join(sorted({name for name, _ in keys})) or "nobody"
            raise UnknownSigner(f"signed by {names[:200]}; trusted is {wanted[:200]}")
        return tuple(dict.fromkeys(known))

    def having(self, signatures: Iterable[Signature]) -> Note:
        """The note with more signatures; one by the same key takes the older one's place."""
        newest = {(one.name, one.key_id): one for one in (*self.signatures, *signatures)}
        return Note(self.text, tuple(newest.values()))


def split(letters: str) -> tuple[str, str]:
    """A note's text and its lines of signatures. Raises `MalformedNote`."""
    at = letters.rfind("\n\n")
    if at < 0 or not letters.endswith("\n") or at + 2 == len(letters):
        raise MalformedNote("no signed note: wanted are text, an empty line, lines of signatures")
    return letters[: at + 1], letters[at + 2 :]


def proper(name: str) -> bool:
    """Whether a key may have this name: letters without spaces and without a plus, in UTF-8."""
    return bool(name) and not any(
        letter == "+" or letter < " " or letter.isspace() or "\ud800" <= letter <= "\udfff"
        for letter in name
    )


def decoded(said: str) -> bytes | None:
    """The bytes of Base64 in its one proper form, or None."""
    try:
        content = base64.b64decode(said.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return content if base64.b64encode(content).decode() == said else None


def _letters(content: bytes) -> str:
    if len(content) > LARGEST:
        raise MalformedNote(f"a note of {len(content):,} bytes; at most {LARGEST:,} are read")
    try:
        letters = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedNote(f"a note that is not UTF-8: {error}") from error
    if any(letter < " " and letter != "\n" for letter in letters):
        raise MalformedNote("a note with a control character other than a newline")
    return letters
