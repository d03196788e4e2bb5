"""Records signed one by one, in a field of their own.

    {"id": "o-17", "amount": 12.5, "source": "acme",
     "signature": "acme+1f2e3d4c 17 1763870000.5 q83v…"}

The field says the key, the record's number, when it was signed, and the signature: the same DSSE
signature of the same in-toto Statement as under a file, of which all other parts follow from the
record (its SHA-256 in canonical form, without this field), so that they need not be sent. It goes
wherever a text goes: JSON, CSV, a message of a broker.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from foretaste.errors import BadInput
from foretaste.ledger.dsse import IN_TOTO, encoded, hint
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.note import decoded
from foretaste.origin.batches import Signed
from foretaste.origin.canonical import canonical
from foretaste.origin.providers import Provider, Registry
from foretaste.origin.refusals import MalformedCredential, WrongSource
from foretaste.origin.statement import Statement

FIELD = "signature"
SHOWN = 300  # letters of a reason
_FORM = re.compile(
    r"(\S{1,300}) (\d{1,16}) (\d{1,12}(?:\.\d{1,6})?) ([A-Za-z0-9+/=]{88})", re.ASCII
)

# what is known of who sent a record
CREDENTIAL = pa.struct(
    {
        "fault": pa.large_string(),  # what is wrong; null: nothing, or nobody asked
        "signer": pa.large_string(),  # the key that signed; null: not signed
        "sequence": pa.int64(),
        "signed": pa.float64(),  # seconds since 1970, as are the bounds of the key
        "since": pa.float64(),
        "until": pa.float64(),
        "revoked": pa.float64(),
    }
)
Cells = tuple[str | None, str | None, int | None, float | None, float, float, float]


def signed(
    row: Mapping[str, Any],
    key: SigningKey,
    sequence: int,
    when: float | None = None,
    field: str = FIELD,
) -> dict[str, Any]:
    """The record with its signature; one that it had is replaced.

    sequence: a provider never gives a number twice
    when:     seconds since 1970; None: now

    >>> from foretaste.ledger.keys import LOG
    >>> key = SigningKey("acme", LOG, bytes(32))
    >>> signed({"a": 1, "b": None}, key, 7, 1.7e9)["signature"][:31]
    'acme+a38a982d 7 1700000000.0 S5'
    """
    said = {name: value for name, value in row.items() if name != field}
    when = round(time.time() if when is None else when, 3)
    payload = _statement(said, key.name, sequence, when).payload
    content = base64.b64encode(key.sign_bytes(encoded(IN_TOTO, payload))).decode()
    return {**said, field: f"{hint(key.verifier)} {sequence} {when} {content}"}


def opened(
    row: Mapping[str, Any], registry: Registry, field: str = FIELD
) -> tuple[Statement, Provider]:
    """What was signed with a record, its signature checked; not yet its times and its number.

    Raises `MalformedCredential`, `UnknownProvider`, or `WrongSignature` where the record, or what
    stands in the field, was altered.
    """
    said = row.get(field)
    found = _FORM.fullmatch(said) if isinstance(said, str) else None
    proof = None if found is None else decoded(found[4])
    if found is None or proof is None:
        raise MalformedCredential(
            "no signature of a record: wanted are KEY NUMBER SECONDS SIGNATURE"
        )
    who, sequence, when, _ = found.groups()
    provider = registry.known(who)
    rest = {name: value for name, value in row.items() if name != field}
    statement = _statement(rest, provider.name, int(sequence), float(when))
    provider.key.check_bytes(encoded(IN_TOTO, statement.payload), proof)
    return statement, provider


@dataclass
class Credentials:
    """Looks at who signed records, before a gate judges them.

    registry: keys that are believed
    field:    of a record, in which its signature stands
    required: whether records of sources without a key have to be signed as well
    whole:    what a provider said of the file that the records are read from, if one did
    """

    registry: Registry
    field: str = FIELD
    required: bool = False
    whole: Signed | None = None
    _place: int = 0

    def of(
        self, rows: Sequence[Mapping[str, Any]], sources: Sequence[str | None] | None
    ) -> pa.StructArray:
        """(n,) of `CREDENTIAL`; null where there is nothing to say.

        sources: what the records say of themselves; None: they have no such field
        """
        told = [None] * len(rows) if sources is None else sources
        pairs = zip(rows, told, strict=True)
        cells = [self._one(row, source, sources is not None) for row, source in pairs]
        names = [field.name for field in CREDENTIAL]
        return pa.array(
            [None if one is None else dict(zip(names, one, strict=True)) for one in cells],
            CREDENTIAL,
        )

    def _one(self, row: Mapping[str, Any], source: str | None, sourced: bool) -> Cells | None:
        place, self._place = self._place, self._place + 1
        signature = row.get(self.field)
        if signature in (None, "") and self.whole is None:
            return self._unsigned(source)
        try:
            if signature in (None, ""):
                statement, provider = self._of_file(place)
            else:
                statement, provider = opened(row, self.registry, self.field)
            if sourced and source not in provider.sources:
                raise WrongSource(f"signed by {provider.name}, who may not speak for {source!r}")
        except BadInput as error:
            return _faulty(str(error))
        return (
            None, hint(provider.key), statement.sequence, statement.time,
            provider.since, provider.until, provider.revoked,
        )  # fmt: skip

    def _unsigned(self, source: str | None) -> Cells | None:
        known = self.registry.like(source)
        if known is not None:
            return _faulty(f"not signed, though {known!r} has a key: sent by somebody else?")
        return _faulty("not signed; here every record has to be") if self.required else None

    def _of_file(self, place: int) -> tuple[Statement, Provider]:
        if self.whole is None:
            raise MalformedCredential("there is no signature of a file")
        said = self.whole.statement
        if place >= said.records:
            raise MalformedCredential(
                f"record {place} of a file of which {said.records} were signed"
            )
        one = Statement(said.digest, said.provider, said.sequence + place, 1, said.time)
        return one, self.whole.provider


def unknown(rows: int) -> pa.StructArray:
    """Of records about which nobody asks."""
    return pa.nulls(rows, CREDENTIAL)


def _statement(row: Mapping[str, Any], who: str, sequence: int, when: float) -> Statement:
    digest = hashlib.sha256(canonical(row)).hexdigest()
    return Statement(digest, who, sequence, 1, when)


def _faulty(why: str) -> Cells:
    nan = float("nan")
    return " ".join(why.split())[:SHOWN], None, None, None, nan, nan, nan
