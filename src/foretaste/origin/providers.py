"""Who may send rows: a list of providers, their public keys, and for how long these count.

    {"schema": 1, "providers": [
        {"name": "acme", "key": "acme+1f2e3d4c+AQ…", "sources": ["acme", "acme-eu"],
         "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}]}

The same as TOML, with a table `[[providers]]` a key. A provider may have several keys, so that one
can take over from another. Whoever can write this file decides who is believed: have it signed by
its owner, or see that each key stands in the ledger.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from foretaste.durable import write_durably
from foretaste.errors import BadInput, LedgerRefused, MissingExtra
from foretaste.ledger.dsse import hint
from foretaste.ledger.event import Event, Thing
from foretaste.ledger.keys import LOG, VerifyingKey
from foretaste.origin.refusals import (
    KeyExpired,
    KeyNotYetValid,
    KeyRevoked,
    MalformedRegistry,
    UnknownProvider,
    UnlistedProvider,
)

SCHEMA = 1
LARGEST = 8 << 20  # bytes of a list
MOST = 100_000  # keys
PEM = "-----BEGIN"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Entry(_Part):
    """A key as it stands in the file.

    key:     a signed note's public key (NAME+ID+BASE64), or an Ed25519 public key in PEM
    sources: what records it signs may say they are from; empty: the provider's name
    revoked: true, or since when: nothing that comes from then on is believed, whenever signed
    """

    name: str
    key: str = Field(max_length=4_000)
    sources: tuple[str, ...] = ()
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    revoked: AwareDatetime | bool = False


class _File(_Part):
    file_schema: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    providers: tuple[Entry, ...] = Field(max_length=MOST)


@dataclass(frozen=True)
class Provider:
    """A key that is believed.

    sources: what it may speak for
    since, until, revoked: seconds since 1970; without bound they are infinite
    """

    key: VerifyingKey
    sources: frozenset[str]
    since: float = -math.inf
    until: float = math.inf
    revoked: float = math.inf

    @property
    def name(self) -> str:
        """Who it is."""
        return self.key.name

    def check_time(self, now: float) -> None:
        """Raises `KeyNotYetValid`, `KeyExpired` or `KeyRevoked` where it does not count now."""
        if now >= self.revoked:
            raise KeyRevoked(f"the key {hint(self.key)} was revoked")
        if now >= self.until:
            raise KeyExpired(f"the key {hint(self.key)} has expired")
        if now < self.since:
            raise KeyNotYetValid(f"the key {hint(self.key)} does not count yet")


@dataclass(frozen=True)
class Registry:
    """All keys that are believed.

    >>> key = VerifyingKey("acme", LOG, b"k" * 32)
    >>> known = Registry((Provider(key, frozenset({"acme-eu"})),))
    >>> known.registered, known.known("acme+00000000")
    Traceback (most recent call last):
    foretaste.origin.refusals.UnknownProvider: acme+00000000 is not registered; known are acme
    """

    providers: tuple[Provider, ...]

    @classmethod
    def read(cls, path: Path) -> Registry:
        """From TOML or JSON. Raises `MalformedRegistry`."""
        found = cls(tuple(_provider(entry) for entry in entries(path)))
        if len(found._by_hint) < len(found.providers):
            raise MalformedRegistry(f"{path}: a key stands there twice; which entry is to count?")
        return found

    @cached_property
    def registered(self) -> frozenset[str]:
        """Sources whose records must be signed."""
        return frozenset(name for one in self.providers for name in one.sources)

    def like(self, source: str | None) -> str | None:
        """The source with a key that has this name, or one that reads the same.

        >>> provider = Provider(VerifyingKey("a", LOG, b"k" * 32), frozenset({"Acme"}))
        >>> Registry((provider,)).like("acme ")
        'Acme'
        """
        return None if source is None else self._folded.get(folded(source))

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {folded(name): name for name in sorted(self.registered)}

    @cached_property
    def _by_hint(self) -> Mapping[str, Provider]:
        return {hint(one.key): one for one in self.providers}

    def known(self, hint: str) -> Provider:
        """The provider with this key. Raises `UnknownProvider`."""
        found = self._by_hint.get(hint)
        if found is None:
            names = ", ".join(sorted({one.name for one in self.providers})) or "nobody"
            raise UnknownProvider(f"{hint[:80]} is not registered; known are {names[:200]}")
        return found

    def check_listed(self, events: Iterable[Event]) -> None:
        """That the ledger tells of each key. Raises `UnlistedProvider`."""
        told = {
            thing.digest.get("sha256")
            for event in events
            if event.kind == "source_registered"
            for thing in event.made
        }
        lost = [hint(one.key) for one in self.providers if fingerprint(one.key) not in told]
        if lost:
            raise UnlistedProvider(f"keys of which the ledger does not know: {', '.join(lost[:9])}")


@lru_cache(maxsize=1 << 16)
def folded(name: str) -> str:
    """A name without what readers overlook: case, spaces at its ends, forms of the same letter."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def entries(path: Path) -> tuple[Entry, ...]:
    """The keys in a file. Raises `MalformedRegistry`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise MalformedRegistry(f"{path}: more than {LARGEST:,} bytes")
        read = tomllib.loads if path.suffix == ".toml" else json.loads
        return _File.model_validate(read(content.decode("utf-8"))).providers
    except OSError as error:
        raise MalformedRegistry(f"the providers in {path} cannot be read: {error}") from error
    except (ValueError, RecursionError, ValidationError) as error:
        raise MalformedRegistry(f"{path} is no list of providers: {error}") from error


def write(path: Path, told: Iterable[Entry]) -> None:
    """Writes such a file, as JSON."""
    if path.suffix == ".toml":
        raise BadInput(f"{path}: TOML is read, not written; add a table [[providers]] by hand")
    file = _File(schema=SCHEMA, providers=tuple(told))
    said = file.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = json.dumps({"schema": SCHEMA, **said}, indent=1, ensure_ascii=False)
    write_durably(path, f"{text}\n".encode())


def public(name: str, text: str) -> VerifyingKey:
    """A public key, as a signed note or PEM has it. Raises `MalformedRegistry`."""
    try:
        if text.lstrip().startswith(PEM):
            return VerifyingKey(name, LOG, _pem(text))
        key = VerifyingKey.read(text.strip())
    except LedgerRefused as error:
        raise MalformedRegistry(f"{name}: {error}") from error
    if key.name != name or key.kind is not LOG:
        raise MalformedRegistry(f"{name}: a key of kind {int(key.kind)} and name {key.name!r}")
    return key


def fingerprint(key: VerifyingKey) -> str:
    """The SHA-256 of a key's text, by which the ledger knows it."""
    return hashlib.sha256(key.text.encode()).hexdigest()


def registered(provider: Provider) -> Event:
    """What the ledger is told of a new key."""
    times = {"from": provider.since, "until": provider.until, "revoked": provider.revoked}
    facts = {name: when for name, when in times.items() if math.isfinite(when)}
    source = Thing("source", provider.name, {"sha256": fingerprint(provider.key)})
    told = {"key": provider.key.text, "sources": sorted(provider.sources), **facts}
    return Event("source_registered", (source,), (), told)


def _provider(entry: Entry) -> Provider:
    key = public(entry.name, entry.key)
    revoked = entry.revoked
    if isinstance(revoked, bool):
        since = -math.inf if revoked else math.inf
    else:
        since = revoked.timestamp()
    return Provider(
        key,
        frozenset(entry.sources or (entry.name,)),
        -math.inf if entry.valid_from is None else entry.valid_from.timestamp(),
        math.inf if entry.valid_until is None else entry.valid_until.timestamp(),
        since,
    )


def _pem(text: str) -> bytes:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise MissingExtra("keys of providers", "ledger") from error
    try:
        key: Any = load_pem_public_key(text.encode())
    except (ValueError, TypeError) as error:
        raise MalformedRegistry(f"no public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise MalformedRegistry(f"a {type(key).__name__}; wanted is an Ed25519 public key")
    return key.public_bytes_raw()
