"""What a provider signs: this content is mine, it is my so-manieth, and this was when.

An in-toto Statement whose subject is the content by its SHA-256; what it says is in the predicate
`origin/v1`. A signature proves who sent something and that nobody changed it on the way: not that
it is clean. A provider who is dishonest, or robbed of the key, signs poison as well as anything.

References
----------
in-toto (2024). Attestation Framework, Statement v1. https://github.com/in-toto/attestation
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from foretaste.ledger.dsse import read_json
from foretaste.ledger.event import PREDICATE, STATEMENT
from foretaste.ledger.refusals import MalformedEntry
from foretaste.origin.refusals import MalformedCredential

ORIGIN, REGISTRY = f"{PREDICATE}origin/v1", f"{PREDICATE}providers/v1"
LONGEST = 16_384  # bytes of a statement
LAST = 1 << 53  # of the numbers that batches have
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed.

    digest:   SHA-256 of a file's bytes, or of a record in canonical form, in hexadecimal digits
    provider: who signs, as the key is called
    sequence: number of the first record in it; a provider never gives a number twice
    records:  how many there are, so that the next batch begins with `sequence + records`
    time:     seconds since 1970, as the provider's clock has it
    nonce:    tells two batches with one number apart; a record alone has none
    name:     for people; means nothing
    kind:     what it is signed for, so that no batch of data passes for a list of providers

    >>> said = Statement("0" * 64, "acme", 7, 1, 1.7e9, "", "rows.csv")
    >>> Statement.read(said.payload) == said
    True
    """

    digest: str
    provider: str
    sequence: int
    records: int
    time: float
    nonce: str = ""
    name: str = "record"
    kind: str = ORIGIN

    def __post_init__(self) -> None:
        whole = self.sequence >= 0 and self.records >= 0 and self.sequence + self.records <= LAST
        if not (_HEX.fullmatch(self.digest) and whole and 0 <= self.time < LAST):
            raise MalformedCredential(
                f"number {self.sequence} of {self.records} records, second {self.time}: no "
                "statement of an origin says so"
            )

    @property
    def payload(self) -> bytes:
        """As it is signed; the same statement gives the same bytes."""
        told = {
            "provider": self.provider, "sequence": self.sequence, "records": self.records,
            "time": self.time, "nonce": self.nonce,
        }  # fmt: skip
        said = {
            "_type": STATEMENT,
            "subject": [{"name": self.name, "digest": {"sha256": self.digest}}],
            "predicateType": self.kind,
            "predicate": told,
        }
        return json.dumps(said, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def read(cls, payload: bytes, kind: str = ORIGIN) -> Statement:
        """The statement of such bytes. Raises `MalformedCredential`."""
        try:
            said = read_json(payload, LONGEST)
            told, (subject,) = said["predicate"], said["subject"]
            if (said["_type"], said["predicateType"]) != (STATEMENT, kind):
                raise MalformedCredential(f"a statement of another kind than {kind}")
            digest = subject["digest"]["sha256"]
            return cls(
                _text(digest), _text(told["provider"]), _whole(told["sequence"]),
                _whole(told["records"]), _number(told["time"]), _text(told["nonce"]),
                _text(subject["name"]), kind,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, MalformedEntry) as error:
            raise MalformedCredential(f"no statement of an origin: {error}") from error


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError("a number or object where a text was wanted")
    return said


def _whole(said: Any) -> int:
    if type(said) is not int:
        raise TypeError("no whole number")
    return said


def _number(said: Any) -> float:
    if type(said) not in (int, float):
        raise TypeError("no number")
    return said
