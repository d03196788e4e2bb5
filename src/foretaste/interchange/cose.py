"""Signed CBOR as COSE has it: one signer, Ed25519, headers of whom and of what.

References
----------
Schaad (2022). CBOR Object Signing and Encryption (COSE): Structures and Process. RFC 9052.
Looker, Birkholz, et al. (2024). CBOR Web Token Claims in COSE Headers. RFC 9597.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.ledger.dsse import hint
from foretaste.ledger.keys import LOG, SigningKey, VerifyingKey
from foretaste.ledger.refusals import MalformedKey, MalformedProof, UnknownSigner

ALG, KIND, KID, CWT = 1, 3, 4, 15  # labels of headers
ISSUER, SUBJECT = 1, 2  # claims
EDDSA = -8
SIGN1 = 18  # CBOR tag
LARGEST = 128 << 10  # bytes that are read


@dataclass(frozen=True, slots=True)
class Sign1:
    """A COSE_Sign1 as it was read; nothing of it has been checked.

    protected: as it was signed; header: the same, decoded
    payload:   None where it is detached
    """

    protected: bytes
    header: Mapping[Any, Any]
    unprotected: Mapping[Any, Any]
    payload: bytes | None
    signature: bytes

    @classmethod
    def read(cls, content: bytes) -> Sign1:
        """Of such bytes, in deterministic CBOR. Raises `MalformedProof`."""
        said = decoded(content)
        tagged = isinstance(said, _cbor().CBORTag) and said.tag == SIGN1
        parts: Any = said.value if tagged else None
        if not listed(parts, 4):
            raise MalformedProof("no COSE_Sign1: four parts under tag 18 were wanted")
        protected, unprotected, payload, signature = parts
        whole = isinstance(protected, bytes) and isinstance(signature, bytes)
        if not whole or not isinstance(payload, bytes | None):
            raise MalformedProof("a COSE_Sign1 of which the parts are no byte strings")
        return cls(protected, mapped(decoded(protected)), mapped(unprotected), payload, signature)

    def signer(self, trusted: Iterable[VerifyingKey]) -> VerifyingKey:
        """The key that it says it is signed by. Raises `UnknownSigner`, `MalformedProof`."""
        if self.header.get(ALG) != EDDSA:
            raise MalformedProof(f"signed by algorithm {self.header.get(ALG)!r:.40}, not {EDDSA}")
        for key in trusted:
            if key.kind is LOG and _kid(key) == self.header.get(KID):
                return key
        raise UnknownSigner(f"no key that is trusted is called {self.header.get(KID)!r:.80}")

    def check(self, key: VerifyingKey, payload: bytes) -> None:
        """That a key signed this payload. Raises `WrongSignature`."""
        key.check_bytes(_signed(self.protected, payload), self.signature)


def sign1(
    header: Mapping[int, Any],
    unprotected: Mapping[int, Any],
    payload: bytes,
    key: SigningKey,
    detached: bool = False,
) -> bytes:
    """A payload signed; detached: it is not in what is given back.

    Raises `MalformedKey` for a witness's key.
    """
    if key.kind is not LOG:
        raise MalformedKey(f"{key.name}: signed by a log's or an author's key, not by a witness's")
    protected = encoded({ALG: EDDSA, KID: _kid(key.verifier), **header})
    signature = key.sign_bytes(_signed(protected, payload))
    parts = [protected, dict(unprotected), None if detached else payload, signature]
    return encoded(_cbor().CBORTag(SIGN1, parts))


def encoded(value: Any) -> bytes:
    """Deterministic CBOR."""
    return bytes(_cbor().dumps(value, canonical=True))


def decoded(content: bytes) -> Any:
    """The one value in some bytes, which must be deterministic CBOR. Raises `MalformedProof`."""
    if len(content) > LARGEST:
        raise MalformedProof(f"CBOR of {len(content):,} bytes; at most {LARGEST:,} are read")
    cbor = _cbor()
    try:
        said = cbor.loads(content)
        again = cbor.dumps(said, canonical=True)
    except Exception as error:  # what a decoder of hostile bytes raises is its own affair
        raise MalformedProof(f"no CBOR: {type(error).__name__} {error}") from error
    if again != content:
        raise MalformedProof("CBOR that is not deterministic, or with more after its end")
    return said


def mapped(value: Any) -> Mapping[Any, Any]:
    """A map, which was wanted. Raises `MalformedProof`."""
    if not isinstance(value, Mapping):
        raise MalformedProof(f"a {type(value).__name__}, where a map was wanted")
    return value


def listed(value: Any, length: int) -> bool:
    """Whether something is an array of so many parts."""
    return (
        isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) == length
    )


def _kid(key: VerifyingKey) -> bytes:
    return hint(key).encode()


def _signed(protected: bytes, payload: bytes) -> bytes:
    """What is signed: RFC 9052, section 4.4."""
    return encoded(["Signature1", protected, b"", payload])


def _cbor() -> Any:
    try:
        import cbor2
    except ImportError as error:
        raise MissingExtra("signed CBOR", "ledger") from error
    return cbor2
