"""COSE receipts: that an entry is in the log, for those who read CBOR instead of signed notes.

    18([protected {alg: EdDSA, kid, cwt claims {iss, sub}, vds: RFC9162_SHA256},
        {vdp: {inclusion: [[size, index, [siblings]]]}}, nil, signature over the root])

The root stands nowhere in it: whoever checks it computes it from the entry. A receipt is signed by
the log's own key; what is signed begins with another byte than any checkpoint, so neither passes
for the other. The entry itself is not in it, and is a DSSE envelope, not a COSE statement.

References
----------
Steele, Birkholz, Delignat-Lavaud, Fournet (2026). COSE Receipts. RFC 9942.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from foretaste.interchange.cose import (
    CWT,
    ISSUER,
    SUBJECT,
    Sign1,
    decoded,
    encoded,
    listed,
    mapped,
    sign1,
)
from foretaste.ledger.keys import SigningKey, VerifyingKey
from foretaste.ledger.merkle import Hashes, inclusion, leaf_hash, led_to, root
from foretaste.ledger.refusals import MalformedProof, WrongSignature

VDS, VDP = 395, 396  # labels of headers: which structure, which proofs
RFC9162_SHA256, INCLUSION = 1, -1
MOST = 63  # siblings of a proof


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
    proof = encoded([size, index, list(inclusion(index, size, hashes))])
    header = {CWT: _claims(key.name, index, size), VDS: RFC9162_SHA256}
    return sign1(header, {VDP: {INCLUSION: [proof]}}, root(size, hashes), key, detached=True)


def check_receipt(content: bytes, entry: bytes, trusted: Iterable[VerifyingKey]) -> Received:
    """What a receipt says of an entry, proven.

    entry: its bytes, as the log has them; trusted: keys of logs
    Raises `MalformedProof` for what is no receipt as this module writes them (deterministic CBOR,
    one proof, root detached), `UnknownSigner`, and `WrongSignature` where the log did not sign the
    root that the entry leads to: the entry, its number, the proof or the signature was changed.
    """
    said = Sign1.read(content)
    if said.payload is not None or said.header.get(VDS) != RFC9162_SHA256:
        raise MalformedProof(
            f"no receipt: wanted are a detached root and structure {RFC9162_SHA256}, "
            f"not {said.header.get(VDS)!r:.40}"
        )
    size, index, path = _proof(said)
    key = said.signer(trusted)
    if dict(mapped(said.header.get(CWT))) != _claims(key.name, index, size):
        raise MalformedProof(f"a receipt of {key.name} that claims {said.header.get(CWT)!r:.80}")
    found = led_to(leaf_hash(entry), index, size, path)
    try:
        said.check(key, found)
    except WrongSignature as error:
        raise WrongSignature(
            f"{key.name} did not sign the root that entry {index} of {size} leads to; "
            "the entry, the proof or the signature was changed"
        ) from error
    return Received(key.name, index, size, found)


def _proof(said: Sign1) -> tuple[int, int, list[bytes]]:
    """Size, index and siblings."""
    proofs: Any = mapped(said.unprotected.get(VDP)).get(INCLUSION)
    if not listed(proofs, 1) or not isinstance(proofs[0], bytes):
        raise MalformedProof("a receipt without exactly one proof of inclusion")
    told = decoded(proofs[0])
    if not listed(told, 3):
        raise MalformedProof("a proof that is not [size, index, siblings]")
    size, index, path = told
    counted = all(isinstance(one, int) and not isinstance(one, bool) for one in (size, index))
    if not counted or not isinstance(path, Sequence) or isinstance(path, str) or len(path) > MOST:
        raise MalformedProof("a proof that is not [size, index, siblings]")
    if not all(isinstance(one, bytes) for one in path):
        raise MalformedProof("a proof with siblings that are no hashes")
    return size, index, list(path)


def _claims(name: str, index: int, size: int) -> dict[int, str]:
    """Who says it of what. A proof fits trees of other sizes too, so the size is signed with it."""
    return {ISSUER: name, SUBJECT: f"{name}/{index}@{size}"}
