"""Keys of logs, witnesses and authors, in the form that signed notes give them.

Three kinds: a log signs the note's text (Ed25519); a witness signs it with the time, by Ed25519 or
by ML-DSA-44, which stands against quantum computers. The kind is part of a key's id, so a signature
made for one purpose never serves another.

    example.com/log+8d1a0f2e+AaGl…               for everybody
    PRIVATE+KEY+example.com/log+8d1a0f2e+AW9z…   for the owner alone

References
----------
C2SP (2024). Note; Transparency Log Cosignatures. https://c2sp.org/signed-note,
https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from foretaste.errors import BadInput, MissingExtra
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.note import Signature, decoded, proper
from foretaste.ledger.refusals import MalformedKey, WrongSignature

PRIVATE = "PRIVATE+KEY+"
LONGEST = 4_000  # letters of a key
STAMP = 8  # bytes of the time before a witness's signature
SEED = 32  # bytes of every private key


class Kind(IntEnum):
    """What a key signs, and how; the number is part of its id."""

    LOG = 1  # Ed25519 over the text
    WITNESS = 4  # Ed25519 over the text and the time
    WITNESS_ML_DSA = 6  # ML-DSA-44 over name, size, root and the time


LOG, WITNESS, WITNESS_ML_DSA = Kind

_PUBLIC = {LOG: 32, WITNESS: 32, WITNESS_ML_DSA: 1312}
_PRIME = (1 << 255) - 19  # of Ed25519's field
_EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL = {0, 1, _PRIME - 1, _EIGHTH, _PRIME - _EIGHTH}  # y of the points of order 1, 2, 4, 8
_SIGNATURE = {LOG: 64, WITNESS: STAMP + 64, WITNESS_ML_DSA: STAMP + 2420}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a key.

    name:   whose it is; letters without spaces and plus
    public: its bytes, 32 (Ed25519) or 1312 (ML-DSA-44)
    """

    name: str
    kind: Kind
    public: bytes

    def __post_init__(self) -> None:
        _named(self.name)
        if len(self.public) != _PUBLIC[self.kind]:
            raise MalformedKey(
                f"{self.name}: a public key of {len(self.public)} bytes; "
                f"wanted are {_PUBLIC[self.kind]}"
            )
        if self.kind is not WITNESS_ML_DSA and _weak(self.public):
            raise MalformedKey(f"{self.name}: a public key under which anybody can sign anything")

    @property
    def key_id(self) -> int:
        """What names it beside its name."""
        said = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return int.from_bytes(hashlib.sha256(said).digest()[:4])

    @property
    def text(self) -> str:
        """As it is handed out: NAME+ID+BASE64."""
        said = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id:08x}+{said}"

    @classmethod
    def read(cls, text: str) -> VerifyingKey:
        """The key of such a text. Raises `MalformedKey`."""
        if text.startswith(PRIVATE):
            raise MalformedKey("a private key; wanted is the public one that goes with it")
        name, kind, public, claimed = _parts(text)
        key = cls(name, kind, public)
        if f"{key.key_id:08x}" != claimed:
            raise MalformedKey(f"{name}: the key's id is {key.key_id:08x}, it says {claimed!r}")
        return key

    def check(self, text: str, signature: Signature) -> None:
        """Raises `WrongSignature` where a note's text was not signed like this by this key."""
        content = signature.content
        if len(content) != _SIGNATURE[self.kind]:
            raise WrongSignature(f"{self.name}: a signature of {len(content)} bytes")
        if self.kind is LOG:
            self.check_bytes(text.encode(), content)
        else:
            when = int.from_bytes(content[:STAMP])
            if when >= 1 << 63:
                raise WrongSignature(f"{self.name}: a cosignature at second {when}")
            self.check_bytes(_cosigned(self.kind, self.name, text, when), content[STAMP:])

    def check_bytes(self, said: bytes, signature: bytes) -> None:
        """Raises `WrongSignature` where this key did not sign these very bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            _public(self).verify(signature, said)
        except (InvalidSignature, ValueError) as error:
            raise WrongSignature(f"the signature of {self.name} does not fit the text") from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half of a key; its `repr` does not tell it.

    name: whose it is; letters without spaces and plus
    seed: 32 secret bytes
    """

    name: str
    kind: Kind
    seed: bytes = field(repr=False)
    _private: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _named(self.name)
        if len(self.seed) != SEED:
            raise MalformedKey(f"{self.name}: a private key of {len(self.seed)} bytes, not {SEED}")
        object.__setattr__(self, "_private", _private(self.kind, self.seed))

    @classmethod
    def new(cls, name: str, kind: Kind = LOG) -> SigningKey:
        """A fresh key."""
        return cls(name, kind, os.urandom(SEED))

    @property
    def verifier(self) -> VerifyingKey:
        """The public half."""
        return VerifyingKey(self.name, self.kind, self._private.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """As it is kept, secretly: PRIVATE+KEY+NAME+ID+BASE64."""
        said = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"{PRIVATE}{self.name}+{self.verifier.key_id:08x}+{said}"

    @classmethod
    def read(cls, text: str) -> SigningKey:
        """The key of such a text. Raises `MalformedKey`, which does not tell it."""
        if not text.startswith(PRIVATE):
            raise MalformedKey(f"no private key: it would begin with {PRIVATE!r}")
        name, kind, seed, claimed = _parts(text.removeprefix(PRIVATE))
        key = cls(name, kind, seed)
        if f"{key.verifier.key_id:08x}" != claimed:
            raise MalformedKey(f"{name}: the private key does not have the id {claimed!r}")
        return key

    def sign(self, text: str, when: int = 0) -> Signature:
        """The signature under a note's text.

        when: seconds since 1970, of a witness
        """
        if self.kind is LOG:
            content = self.sign_bytes(text.encode())
        else:
            said = _cosigned(self.kind, self.name, text, when)
            content = when.to_bytes(STAMP) + self.sign_bytes(said)
        return Signature(self.name, self.verifier.key_id, content)

    def sign_bytes(self, said: bytes) -> bytes:
        """The bare signature of some bytes."""
        found: bytes = self._private.sign(said)
        return found


def ready() -> None:
    """Raises `MissingExtra` where keys cannot be used."""
    _algorithms()


def write_key(path: Path, key: SigningKey) -> None:
    """Keeps a private key, readable by its owner alone. Raises `BadInput` where one is there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; a key is never written over") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(key.text + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> SigningKey:
    """The private key in a file. Raises `MalformedKey`, and `BadInput` where there is none."""
    return SigningKey.read(_text(path))


def read_public(path: Path) -> VerifyingKey:
    """The public key in a file. Raises `MalformedKey`, and `BadInput` where there is none."""
    return VerifyingKey.read(_text(path))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 1).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: no key can be read: {error}") from error


def _parts(text: str) -> tuple[str, Kind, bytes, str]:
    """Name, kind, bytes and claimed id of a key's text."""
    name, _, rest = text.partition("+")
    claimed, _, said = rest.partition("+")
    content = decoded(said) if len(text) <= LONGEST else None
    if not content or content[0] not in list(Kind):
        raise MalformedKey("no key: wanted is NAME+ID+BASE64 of a log's or a witness's key")
    return name, Kind(content[0]), content[1:], claimed


def _weak(public: bytes) -> bool:
    """Whether an Ed25519 key is one of the few points of small order, or another way to write one.

    Signatures by such a key need no private key, and fit many texts.
    """
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    return y >= _PRIME or y in _SMALL


def _named(name: str) -> None:
    if not proper(name) or len(name.encode()) > 255:
        raise MalformedKey(f"{name[:80]!r} is no key's name: no spaces, no plus, at most 255 bytes")


def _cosigned(kind: Kind, name: str, text: str, when: int) -> bytes:
    """What a witness signs."""
    if kind is WITNESS:
        return f"cosignature/v1\ntime {when}\n{text}".encode()
    seen = Checkpoint.read(text)
    told = (name.encode(), seen.origin.encode())
    if len(told[1]) > 255:
        raise MalformedKey(f"{seen.origin[:80]!r}: a log's name of more than 255 bytes")
    cosigner, origin = (len(one).to_bytes(1) + one for one in told)
    span = (0).to_bytes(8) + seen.size.to_bytes(8)
    return b"subtree/v1\n\0" + cosigner + when.to_bytes(8) + origin + span + seen.root


def _private(kind: Kind, seed: bytes) -> Any:
    ed25519, mldsa = _algorithms()
    if kind is WITNESS_ML_DSA:
        return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _public(key: VerifyingKey) -> Any:
    ed25519, mldsa = _algorithms()
    if key.kind is WITNESS_ML_DSA:
        return mldsa.MLDSA44PublicKey.from_public_bytes(key.public)
    return ed25519.Ed25519PublicKey.from_public_bytes(key.public)


def _algorithms() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
    except ImportError as error:
        raise MissingExtra("a ledger's keys", "ledger") from error
    return ed25519, mldsa
