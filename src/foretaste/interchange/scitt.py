"""One entry's statement, signed as SCITT wants it, for transparency services other than ours.

    18([protected {alg: EdDSA, content type, kid, cwt claims {iss, sub}}, {}, statement, signature])

Our own log does not hold it: its entries are DSSE envelopes around the same statement. So a receipt
of ours is none for this, and whoever registers it elsewhere gets a receipt there.

References
----------
Birkholz, Delignat-Lavaud, Fournet, et al. (2026). An Architecture for Trustworthy and Transparent
Digital Supply Chains. RFC 9943.
"""

from __future__ import annotations

from collections.abc import Iterable

from foretaste.interchange.cose import CWT, ISSUER, KIND, SUBJECT, Sign1, mapped, sign1
from foretaste.interchange.things import ref
from foretaste.ledger.dsse import IN_TOTO
from foretaste.ledger.event import Event, read_event, statement
from foretaste.ledger.keys import SigningKey, VerifyingKey
from foretaste.ledger.refusals import MalformedEntry, MalformedProof


def signed_statement(event: Event, key: SigningKey) -> bytes:
    """An event as a signed statement; its subject is the first thing that it is about.

    Raises `MalformedKey` for a witness's key.
    """
    claims = {ISSUER: key.name, SUBJECT: _subject(event)}
    return sign1({KIND: IN_TOTO, CWT: claims}, {}, statement(event), key)


def check_statement(content: bytes, trusted: Iterable[VerifyingKey]) -> Event:
    """The event of a signed statement, once the signature is right.

    Raises `MalformedProof`, `UnknownSigner`, `WrongSignature`, and `MalformedEntry` where what was
    signed is no event of ours, or of another subject than it says.
    """
    said = Sign1.read(content)
    if said.payload is None or said.header.get(KIND) != IN_TOTO:
        raise MalformedProof(f"no signed statement of type {IN_TOTO} with its payload")
    key = said.signer(trusted)
    said.check(key, said.payload)
    event = read_event(said.payload)
    claims = mapped(said.header.get(CWT))
    if dict(claims) != {ISSUER: key.name, SUBJECT: _subject(event)}:
        raise MalformedEntry(f"a statement of {key.name} that claims {dict(claims)!r:.120}")
    return event


def _subject(event: Event) -> str:
    return f"urn:{ref((*event.made, *event.used)[0])}"
