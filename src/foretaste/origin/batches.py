"""Batches signed where they are made, and checked where they come in.

Beside FILE stands FILE.origin.json: a DSSE envelope around the statement of an origin. Checked is,
in this order: the envelope's form, that its key is registered, its signature, the key's time, the
content's SHA-256, how old it is, and that its number did not come before.

Blind to what the provider put in: signed poison is poison. Blind to a batch that is withheld: what
comes next has a higher number, which is told and not refused.

References
----------
Secure Systems Lab (2021). DSSE: Dead Simple Signing Envelope. https://github.com/secure-systems-lab/dsse
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.durable import write_durably
from foretaste.errors import BadInput, BadRecord, UnreadableInput
from foretaste.files.streams import sha256
from foretaste.ledger.dsse import Envelope, hint, sealed
from foretaste.ledger.keys import SigningKey, VerifyingKey
from foretaste.ledger.refusals import MalformedEntry
from foretaste.origin.providers import Provider, Registry
from foretaste.origin.refusals import (
    AlteredContent,
    Equivocated,
    MalformedCredential,
    MalformedRegistry,
    OutOfOrder,
    Replayed,
    Stale,
)
from foretaste.origin.statement import LONGEST, ORIGIN, REGISTRY, Statement

SUFFIX = ".origin.json"
LARGEST = 4 * LONGEST  # bytes of an envelope
DAY = 86_400.0
SKEW = 300.0  # seconds by which clocks may differ


@dataclass(frozen=True)
class Signed:
    """A statement whose signature fits, and by whose key.

    skipped: numbers between this batch and the one before it, which never came
    """

    statement: Statement
    provider: Provider
    skipped: int = 0


@dataclass(frozen=True)
class Last:
    """The last batch that came of one key."""

    sequence: int
    following: int
    nonce: str
    digest: str


@dataclass
class Seen:
    """What came of each key, so that nothing comes twice.

    last: hint of a key -> its last batch
    """

    last: dict[str, Last] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Seen:
        """From a file; nothing came where there is none. Raises `BadRecord` for a damaged one."""
        try:
            told = _Seen.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError, ValueError) as error:
            raise BadRecord(
                f"{path} does not say which batches came; with it gone, all may come again: {error}"
            ) from error
        return cls({name: Last(**last.model_dump()) for name, last in told.last.items()})

    def write(self, path: Path) -> None:
        """To a file, durably."""
        said = {"schema": 1, "last": {name: asdict(last) for name, last in self.last.items()}}
        write_durably(path, json.dumps(said, indent=1).encode())

    def take(self, signed: Signed) -> Signed:
        """Notes that a batch came. Raises `Replayed`, `Equivocated` or `OutOfOrder`."""
        said, who = signed.statement, hint(signed.provider.key)
        last = self.last.get(who)
        following = 0 if last is None else last.following
        if last is not None and said.sequence < following:
            if (said.nonce, said.digest) == (last.nonce, last.digest):
                raise Replayed(f"batch {said.sequence} of {who} came before")
            if said.sequence == last.sequence:
                raise Equivocated(
                    f"{who} gave number {said.sequence} to two batches: its key may be in other "
                    "hands, or its sender forgot where it was"
                )
            raise OutOfOrder(
                f"batch {said.sequence} of {who} comes after number {following - 1}: an old one "
                "sent again, or late"
            )
        self.last[who] = Last(
            said.sequence, said.sequence + max(said.records, 1), said.nonce, said.digest
        )
        skipped = said.sequence - following if last is not None else 0
        return Signed(said, signed.provider, skipped)


def beside(path: Path) -> Path:
    """Where the envelope of a file stands.

    >>> beside(Path("rows.csv")).name
    'rows.csv.origin.json'
    """
    return path.with_name(path.name + SUFFIX)


def sign(path: Path, key: SigningKey, sequence: int, records: int = 1, kind: str = ORIGIN) -> Path:
    """Signs a file; its envelope is written beside it. Where that is."""
    said = Statement(
        _digest(path), key.name, sequence, records, round(time.time(), 3), os.urandom(16).hex(),
        path.name, kind,
    )  # fmt: skip
    out = beside(path)
    write_durably(out, sealed(said.payload, key).content)
    return out


def opened(content: bytes, registry: Registry, now: float) -> Signed:
    """An envelope's statement, its signature and the key's time checked; not yet its content.

    Raises `MalformedCredential`, `UnknownProvider`, `WrongSignature`, `KeyExpired`, `KeyRevoked`
    or `KeyNotYetValid`.
    """
    try:
        envelope = Envelope.read(content, LARGEST)
    except MalformedEntry as error:
        raise MalformedCredential(f"no signed envelope: {error}") from error
    if len(envelope.signatures) != 1:
        raise MalformedCredential(f"{len(envelope.signatures)} signatures; an origin has one")
    provider = registry.known(envelope.signatures[0][0])
    envelope.checked([provider.key])
    said = Statement.read(envelope.payload)
    if said.provider != provider.name:
        raise MalformedCredential(f"signed by {provider.name}, and says it is {said.provider!r}")
    provider.check_time(now)
    return Signed(said, provider)


def check_file(
    path: Path, registry: Registry, now: float | None = None, fresh: float | None = DAY
) -> Signed:
    """What a provider says of a file, all but its number checked: that is for `Seen`.

    now:   seconds since 1970; fresh: seconds since it was signed, at most; None: any
    Raises what `opened` does, `AlteredContent` and `Stale`.
    """
    now = time.time() if now is None else now
    signed = opened(_read(beside(path)), registry, now)
    if _digest(path) != signed.statement.digest:
        raise AlteredContent(f"{path} is not the file that {signed.provider.name} signed")
    check_fresh(signed.statement.time, now, fresh)
    return signed


def check_fresh(signed: float, now: float, fresh: float | None) -> None:
    """Raises `Stale` where something was signed too long ago, or in the future."""
    if signed > now + SKEW:
        raise Stale(f"signed {signed - now:.0f} seconds in the future")
    if fresh is not None and signed < now - fresh:
        raise Stale(f"signed {now - signed:.0f} seconds ago; at most {fresh:.0f} are believed")


def owned(path: Path, owner: VerifyingKey) -> Registry:
    """A list of providers that its owner signed. Raises `MalformedRegistry`, `WrongSignature`."""
    try:
        envelope = Envelope.read(_read(beside(path)), LARGEST)
        envelope.checked([owner])
        said = Statement.read(envelope.payload, REGISTRY)
    except (MalformedEntry, MalformedCredential) as error:
        raise MalformedRegistry(f"{path} is not signed by its owner: {error}") from error
    if _digest(path) != said.digest:
        raise MalformedRegistry(f"{path} is not the list that {owner.name} signed")
    return Registry.read(path)


def following(key: Path, first: int | None, records: int) -> int:
    """The number of the next batch that a key signs; the one after it is written beside the key.

    first: to begin with another one than that which was written down
    """
    place = key.with_name(key.name + ".next")
    try:
        known = int(place.read_text()) if place.exists() else 0
    except (OSError, ValueError) as error:
        raise BadInput(f"{place} does not say which number comes next: {error}") from error
    sequence = known if first is None else first
    if sequence < known:
        raise BadInput(f"number {sequence} was given away before; the next is {known}")
    write_durably(place, str(sequence + max(records, 1)).encode())
    return sequence


class _Last(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    following: int
    nonce: str
    digest: str


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    file_schema: int = Field(alias="schema", ge=1, le=1)
    last: Mapping[str, _Last]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise MalformedCredential(f"no signature of an origin: {path}: {error.strerror}") from error


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sha256(file)
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror or error}") from error
