"""COSE receipts: that an entry is in the log, for those who read CBOR instead of signed notes.

    18([protected {alg: EdDSA, kid, cwt claims {iss, sub}, vds: RFC9162_SHA256},
        {vdp: {inclusion: [[size, index, [siblings]]]}}, nil, signature over the root])

The root stands nowhere in it: whoever checks it computes it from the entry. A receipt is signed by
the log's own key; what is signed begins with another byte than any checkpoint, so neither passes
for the other. The entry itself is not in it, and is a DSSE envelope, not a COSE statement.

References
----------
Steele, Birkholz, Delignat-Lavaud, Fournet (2026). COSE Receipts. RFC 9942.
Schaad (2022). CBOR Object Signing and Encryption (COSE): Structures and Process. RFC 9052.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.ledger.keys import LOG, SigningKey, VerifyingKey
from foretaste.ledger.merkle import Hashes, inclusion, leaf_hash, led_to, root
from foretaste.ledger.refusals import MalformedKey, MalformedProof, UnknownSigner, WrongSignature

ALG, KID, CWT, VDS, VDP = 1, 4, 15, 395, 396
ISSUER, SUBJECT = 1, 2
EDDSA, RFC9162_SHA256, INCLUSION = -8, 1, -1
SIGN1 = 18  # CBOR tag of a COSE_Sign1
LARGEST = 64 << 10  # bytes of a receipt
MOST = 63  # siblings of a proof

SUFFIX = ".cose"


@dataclass(frozen=True, slots=True)
class Received:
    """What a receipt says, once it has been checked.

    issuer: name of the log; index, size: of the entry and of the log; root: of the log then
    """

    issuer: str
    index: int
    size: int
    root: bytes


def receipt(index: int, size: int, hashes: Hashes, key: SigningKey) -> bytes:
    """The receipt of an entry, in the log of its first `size` entries.

    hashes: of the log's complete subtrees; key: the log's own, Ed25519
    Raises `MalformedProof` where the log has no such entry, `MalformedKey` for a witness's key.
    """
    if key.kind is not LOG:
        raise MalformedKey(f"{key.name}: a receipt is signed by a log's key, not by a witness's")
    cbor = _cbor()
    path = list(inclusion(index, size, hashes))
    claims = _claims(key.name, index, size)
    protected = cbor.dumps(
        {ALG: EDDSA, KID: _kid(key.verifier), CWT: claims, VDS: RFC9162_SHA256}, canonical=True
    )
    proof = cbor.dumps([size, index, path], canonical=True)
    signature = key.sign_bytes(_signed(protected, root(size, hashes)))
    parts = [protected, {VDP: {INCLUSION: [proof]}}, None, signature]
    return bytes(cbor.dumps(cbor.CBORTag(SIGN1, parts), canonical=True))


def check_receipt(content: bytes, entry: bytes, trusted: Iterable[VerifyingKey]) -> Received:
    """What a receipt says of an entry, proven.

    entry: its bytes, as the log has them; trusted: keys of logs
    Raises `MalformedProof` for what is no receipt as this module writes them (deterministic CBOR,
    one proof, root detached), `UnknownSigner`, and `WrongSignature` where the log did not sign the
    root that the entry leads to: the entry, its number, the proof or the signature was changed.
    """
    protected, proof, signature = _parts(content)
    header = _map(_decoded(protected))
    if header.get(ALG) != EDDSA or header.get(VDS) != RFC9162_SHA256:
        raise MalformedProof(
            f"a receipt of algorithm {header.get(ALG)!r} and structure {header.get(VDS)!r}; "
            f"wanted are {EDDSA} and {RFC9162_SHA256}"
        )
    size, index, path = _proof(proof)
    key = _signer(header, trusted)
    if dict(_map(header.get(CWT))) != _claims(key.name, index, size):
        raise MalformedProof(f"a receipt of {key.name} that claims {str(header.get(CWT))[:80]}")
    found = led_to(leaf_hash(entry), index, size, path)
    try:
        key.check_bytes(_signed(protected, found), signature)
    except WrongSignature as error:
        raise WrongSignature(
            f"{key.name} did not sign the root that entry {index} of {size} leads to; "
            "the entry, the proof or the signature was changed"
        ) from error
    return Received(key.name, index, size, found)


def _parts(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Protected header, proof and signature."""
    cbor = _cbor()
    said = _decoded(content)
    parts = said.value if isinstance(said, cbor.CBORTag) and said.tag == SIGN1 else None
    if not isinstance(parts, Sequence) or len(parts) != 4 or parts[2] is not None:
        raise MalformedProof("no receipt: wanted is a COSE_Sign1 with its payload detached")
    protected, unprotected, _, signature = parts
    proofs = _map(_map(unprotected).get(VDP)).get(INCLUSION)
    if not isinstance(proofs, Sequence) or isinstance(proofs, str | bytes) or len(proofs) != 1:
        raise MalformedProof("a receipt without exactly one proof of inclusion")
    if not all(isinstance(one, bytes) for one in (protected, proofs[0], signature)):
        raise MalformedProof("a receipt of which the parts are no byte strings")
    return protected, proofs[0], signature


def _proof(content: bytes) -> tuple[int, int, list[bytes]]:
    said = _decoded(content)
    if not isinstance(said, Sequence) or isinstance(said, str | bytes) or len(said) != 3:
        raise MalformedProof("a proof that is not [size, index, siblings]")
    size, index, path = said
    counted = all(isinstance(one, int) and not isinstance(one, bool) for one in (size, index))
    if not counted or not isinstance(path, Sequence) or len(path) > MOST:
        raise MalformedProof("a proof that is not [size, index, siblings]")
    if not all(isinstance(one, bytes) for one in path):
        raise MalformedProof("a proof with siblings that are no hashes")
    return size, index, list(path)


def _signer(header: Mapping[Any, Any], trusted: Iterable[VerifyingKey]) -> VerifyingKey:
    for key in trusted:
        if key.kind is LOG and _kid(key) == header.get(KID):
            return key
    raise UnknownSigner(f"no key that is trusted is called {header.get(KID)!r:.80}")


def _claims(name: str, index: int, size: int) -> dict[int, str]:
    """Who says it of what. A proof fits trees of other sizes too, so the size is signed with it."""
    return {ISSUER: name, SUBJECT: f"{name}/{index}@{size}"}


def _kid(key: VerifyingKey) -> bytes:
    return f"{key.name}+{key.key_id:08x}".encode()


def _signed(protected: bytes, payload: bytes) -> bytes:
    """What is signed: RFC 9052, section 4.4."""
    return bytes(_cbor().dumps(["Signature1", protected, b"", payload], canonical=True))


def _decoded(content: bytes) -> Any:
    """The one value in some bytes, which must be written as this module writes it."""
    if len(content) > LARGEST:
        raise MalformedProof(f"a receipt of {len(content):,} bytes; at most {LARGEST:,} are read")
    cbor = _cbor()
    try:
        said = cbor.loads(content)
        again = cbor.dumps(said, canonical=True)
    except Exception as error:  # what a decoder of hostile bytes raises is its own affair
        raise MalformedProof(f"no CBOR: {type(error).__name__} {error}") from error
    if again != content:
        raise MalformedProof("CBOR that is not deterministic, or with more after its end")
    return said


def _map(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise MalformedProof(f"a receipt with a {type(value).__name__} where a map was wanted")
    return value


def _cbor() -> Any:
    try:
        import cbor2
    except ImportError as error:
        raise MissingExtra("a COSE receipt", "ledger") from error
    return cbor2
