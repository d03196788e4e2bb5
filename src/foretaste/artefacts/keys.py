"""Keys of signers, as PEM: NIST curves, which the peers read too, and Ed25519."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretaste.artefacts.refusals import ForgedSignature
from foretaste.errors import BadInput, MissingExtra

LONGEST = 100_000  # bytes of a file with a key
CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
MAKE = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY.pem"
SHOW = "openssl pkey -in KEY.pem -pubout -out PUB.pem"


@dataclass(frozen=True)
class Public:
    """A key that signatures are checked with.

    hint: SHA-256 of its PEM, by which a signature names it
    """

    hint: str
    _key: Any = field(repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> Public:
        """The public key in a file. Raises `BadInput` for what is none, or of another kind."""
        try:
            return cls.of(_serialization().load_pem_public_key(_content(path)))
        except (ValueError, _unsupported()) as error:
            raise BadInput(f"{path} holds no public key in PEM; {SHOW} makes one") from error

    @classmethod
    def of(cls, key: Any) -> Public:
        """A key of `cryptography`."""
        forms = _serialization()
        form = forms.PublicFormat.SubjectPublicKeyInfo
        pem = key.public_bytes(forms.Encoding.PEM, form)
        _scheme(key)
        return cls(hashlib.sha256(pem).hexdigest(), key)

    def check(self, said: bytes, signature: bytes) -> None:
        """Raises `ForgedSignature` where this key did not sign these very bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, said, *_scheme(self._key))
        except (InvalidSignature, ValueError) as error:
            raise ForgedSignature(
                f"the signature is not by the key {self.hint[:16]}… over this list of files"
            ) from error


@dataclass(frozen=True)
class Private:
    """A key that signs; its `repr` does not tell it."""

    public: Public
    _key: Any = field(repr=False, compare=False)

    @classmethod
    def read(cls, path: Path, password: bytes | None = None) -> Private:
        """The private key in a file. Raises `BadInput`, which does not tell it."""
        try:
            key = _serialization().load_pem_private_key(_content(path), password)
            return cls(Public.of(key.public_key()), key)
        except (ValueError, TypeError, _unsupported()) as error:
            raise BadInput(
                f"{path} holds no private key in PEM, or its password is another; {MAKE} makes one"
            ) from error

    def sign(self, said: bytes) -> bytes:
        """The signature of some bytes."""
        found: bytes = self._key.sign(said, *_scheme(self._key))
        return found


def _scheme(key: Any) -> tuple[Any, ...]:
    """What signing takes beside the bytes."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return ()
    curve = getattr(getattr(key, "curve", None), "name", type(key).__name__)
    if curve not in CURVES:
        raise BadInput(
            f"a key of kind {curve}; wanted is one of {', '.join(CURVES)}, or Ed25519: {MAKE}"
        )
    return (ec.ECDSA(getattr(hashes, CURVES[curve])()),)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(LONGEST + 1)
    except OSError as error:
        raise BadInput(f"{path}: no key can be read: {error.strerror}; {MAKE} makes one") from error
    if len(found) > LONGEST:
        raise BadInput(f"{path} has more than {LONGEST:,} bytes; no key does")
    return found


def _serialization() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise MissingExtra("a signature", "ledger") from error
    return serialization


def _unsupported() -> type[Exception]:
    _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm
