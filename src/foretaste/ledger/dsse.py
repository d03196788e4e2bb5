"""A signed envelope around a text: who says it, and that it is what they said.

    {"payload": "eyJfdHlwZSI6…", "payloadType": "application/vnd.in-toto+json",
     "signatures": [{"keyid": "alice+3f1c09aa", "sig": "k2m…"}]}

Signed is the type together with the text, so that one kind of text never passes for another. Ids of
keys are hints; what counts is the key that a signature fits.

References
----------
Secure Systems Lab (2021). DSSE: Dead Simple Signing Envelope, protocol v1.0.
https://github.com/secure-systems-lab/dsse
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from foretaste.ledger.keys import SigningKey, VerifyingKey
from foretaste.ledger.note import decoded
from foretaste.ledger.refusals import MalformedEntry, UnknownSigner
from foretaste.ledger.tiles import LONGEST

IN_TOTO = "application/vnd.in-toto+json"
MOST = 16  # signatures of an envelope


@dataclass(frozen=True, slots=True)
class Envelope:
    """A text of some type, and signatures by key id; none has been checked.

    payload: the text's bytes; kind: its media type
    """

    payload: bytes
    kind: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def content(self) -> bytes:
        """As it is written down; the same envelope gives the same bytes."""
        said = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.kind,
            "signatures": [
                {"keyid": name, "sig": base64.b64encode(one).decode()}
                for name, one in self.signatures
            ],
        }
        return json.dumps(said, separators=(",", ":")).encode()

    @classmethod
    def read(cls, content: bytes, most: int = LONGEST) -> Envelope:
        """The envelope in some bytes. Raises `MalformedEntry`.

        most: bytes that are read
        """
        said = read_json(content, most)
        try:
            payload, kind = said["payload"], said["payloadType"]
            pairs = [(one.get("keyid", ""), _bytes(one["sig"])) for one in said["signatures"]]
            if not isinstance(kind, str) or not kind.isascii():
                raise MalformedEntry("an envelope whose payloadType is no media type")
            if not 1 <= len(pairs) <= MOST:
                raise MalformedEntry(
                    f"an envelope with {len(pairs)} signatures, 1 to {MOST} may be"
                )
            if not all(isinstance(name, str) for name, _ in pairs):
                raise MalformedEntry("an envelope with a key id that is no text")
            return cls(_bytes(payload), kind, tuple(pairs))
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedEntry(
                "no signed envelope: wanted are payload, payloadType, signatures of keyid and sig"
            ) from error

    def checked(self, trusted: Iterable[VerifyingKey]) -> tuple[VerifyingKey, ...]:
        """The keys that signed it, of those that are trusted; at least one.

        Raises `WrongSignature` where a signature with a trusted key's id does not fit,
        `UnknownSigner` where nobody trusted signed.
        """
        keys = {hint(key): key for key in trusted}
        said, found = encoded(self.kind, self.payload), []
        for name, signature in self.signatures:
            if name in keys:
                keys[name].check_bytes(said, signature)
                found.append(keys[name])
        if not found:
            names = ", ".join(name for name, _ in self.signatures)
            wanted = ", ".join(sorted(keys)) or "nobody"
            raise UnknownSigner(f"signed by {names[:200] or 'nobody'}; trusted is {wanted[:200]}")
        return tuple(dict.fromkeys(found))


def sealed(payload: bytes, key: SigningKey, kind: str = IN_TOTO) -> Envelope:
    """An envelope around a text, signed by a key."""
    signature = key.sign_bytes(encoded(kind, payload))
    return Envelope(payload, kind, ((hint(key.verifier), signature),))


def hint(key: VerifyingKey) -> str:
    """The id of a key in envelopes: its name and number."""
    return f"{key.name}+{key.key_id:08x}"


def encoded(kind: str, payload: bytes) -> bytes:
    """What is signed: type and text, each after its length.

    >>> encoded("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def read_json(content: bytes, most: int) -> dict[str, Any]:
    """An object of JSON from a stranger: bounded, and no name twice. Raises `MalformedEntry`."""
    if len(content) > most:
        raise MalformedEntry(f"{len(content):,} bytes; at most {most:,} are read")
    try:
        said = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedEntry(f"no JSON: {error}") from error
    if not isinstance(said, dict):
        raise MalformedEntry(f"JSON of kind {type(said).__name__}; wanted is an object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _finite(word: str) -> float:
    """A number that is not too large for one; `NaN` and `Infinity` are words of other formats."""
    found = float(word)
    if not math.isfinite(found):
        raise ValueError(f"{word[:40]} is no number of JSON")
    return found


def _bytes(said: Any) -> bytes:
    found = decoded(said) if isinstance(said, str) else None
    if found is None:
        raise MalformedEntry("an envelope with a field that is not Base64")
    return found
