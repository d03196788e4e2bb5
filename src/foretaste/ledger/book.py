"""A ledger as it is kept: a log, who may write to it, and what stays at home.

FOLDER/ledger.toml   origin, and where the log is
FOLDER/policy        the log's key and its witnesses, for everybody who checks
FOLDER/authors       public keys, a line each, of those whose statements count
FOLDER/log/          checkpoint, tiles, entries: to be served or copied as they are
FOLDER/rows/         digests of rows, by the root that the log has of them; may be deleted
FOLDER/keys/         private keys; for their owner alone
FOLDER/state/        what a writer needs after a crash
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from foretaste.durable import write_durably
from foretaste.errors import BadInput
from foretaste.ledger.checkpoint import Checkpoint, opened
from foretaste.ledger.dsse import IN_TOTO, Envelope, sealed
from foretaste.ledger.event import Event, read_event, statement
from foretaste.ledger.keys import SigningKey, VerifyingKey, read_key, ready, write_key
from foretaste.ledger.lock import Lock
from foretaste.ledger.merkle import check_consistency
from foretaste.ledger.policy import NONE, Log, Policy
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import MalformedEntry, RolledBack, WriterTaken
from foretaste.ledger.tiles import LONGEST
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.ledger.writer import Writer

SETTINGS = "ledger.toml"
PATIENCE = 60.0  # seconds that a writer waits for another one
LARGEST = 1 << 20  # bytes of settings, policy, authors
Held = TypeVar("Held")


@dataclass(frozen=True)
class Book:
    """A ledger in a folder; cheap to open, and nothing is checked before it is asked for.

    folder:  with settings, policy, authors and, for whoever writes, keys
    where:   folder or address of the log
    policy:  the log's key, and witnesses
    authors: those whose statements count
    """

    folder: Path
    where: str
    policy: Policy
    authors: tuple[VerifyingKey, ...]

    @classmethod
    def create(cls, folder: Path, origin: str, author: str, where: str = "log") -> Book:
        """A new ledger, with fresh keys and an empty log.

        origin: the log's name: an address without scheme, without spaces; it never changes
        author: the name under which statements are signed
        where:  the log: a folder below this one, or any address that fsspec can write
        Raises `BadInput` where there is one.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInput(
                f"{folder} is there and not empty; a new ledger wants a folder of its own"
            )
        log, writer = SigningKey.new(origin), SigningKey.new(author)
        (folder / "keys").mkdir(mode=0o700, parents=True)
        write_key(folder / "keys" / "log.key", log)
        write_key(folder / "keys" / "author.key", writer)
        write_durably(folder / "policy", Policy(NONE, (Log(log.verifier),)).content)
        write_durably(folder / "authors", f"{writer.verifier.text}\n".encode())
        said = f"origin = {json.dumps(origin)}\nlog = {json.dumps(where)}\n"
        write_durably(folder / SETTINGS, said.encode())
        book = cls.open(folder)
        with book.writer():
            return book

    @classmethod
    def open(cls, folder: Path) -> Book:
        """The ledger in a folder. Raises `BadInput` where there is none, or a file is broken."""
        ready()
        try:
            said = tomllib.loads(_content(folder / SETTINGS).decode())
            where, origin = str(said["log"]), str(said["origin"])
        except (ValueError, KeyError) as error:
            raise BadInput(f"{folder / SETTINGS} says no origin and log: {error}") from error
        policy = Policy.read(_content(folder / "policy"))
        if origin not in [log.key.name for log in policy.logs]:
            raise BadInput(f"{folder / 'policy'} has no key of {origin!r}, the log's own name")
        authors = authors_of(_content(folder / "authors"))
        local = "://" not in where
        return cls(folder, str(folder / where) if local else where, policy, authors)

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.policy.logs[0].key.name

    @property
    def rows(self) -> Path:
        """Where digests of rows are kept."""
        return self.folder / "rows"

    def reader(self) -> Reader:
        """For entries and proofs, each checked against the log's checkpoint."""
        return Reader(self.where, [log.key for log in self.policy.logs])

    def writer(self) -> Writer:
        """For more entries; waits a while for other writers, then raises `WriterTaken`."""
        key = read_key(self.folder / "keys" / "log.key")
        return _patient(lambda: Writer(self.where, key, state=self.folder / "state"))

    def record(self, *events: Event) -> range:
        """Signs events and adds them, all or none; where they stand, once they are durable."""
        key = read_key(self.folder / "keys" / "author.key")
        return self._add([sealed(statement(event), key).content for event in events])

    def append(self, entries: Sequence[bytes]) -> range:
        """Adds what others signed, all or none.

        Raises `MalformedEntry`, `UnknownSigner` or `WrongSignature` for one that is no statement of
        ours by one of the authors.
        """
        for entry in entries:
            self._read(entry)
        return self._add(entries)

    def checkpoint(self) -> Checkpoint:
        """The newest state of the log, as the log signed it."""
        return self.reader().checkpoint()

    def entry(self, index: int) -> bytes:
        """One entry as it was signed, with its place in the log checked."""
        return self.reader().entry(index)

    def event(self, index: int) -> Event:
        """One event, with its place in the log checked."""
        return self._read(self.entry(index))

    def events(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Event]]:
        """All events from one place to before another, each checked; with their places."""
        reader = self.reader()
        size = reader.checkpoint().size
        stop = size if stop is None else min(stop, size)
        for index, entry in enumerate(reader.entries(start, stop), start):
            yield index, self._read(entry)

    def proof(self, index: int) -> TlogProof:
        """What proves to anybody that an entry stands where it stands."""
        reader = self.reader()
        note = reader.note()
        size = Checkpoint.read(note.text).size
        return TlogProof(index, reader.inclusion(index, size), note.content)

    def grown_from(self, content: bytes) -> Checkpoint:
        """An older checkpoint that somebody kept, once it is proved that the log only grew.

        Raises `Forked`, `RolledBack` where the log is shorter, or why the older one is none.
        """
        reader = self.reader()
        new = reader.checkpoint()
        old, _ = opened(content, [log.key for log in self.policy.logs], self.origin)
        if old.size > new.size:
            raise RolledBack(f"{self.origin} has {new.size:,} entries and had {old.size:,} before")
        proof = reader.consistency(old.size, new.size)
        check_consistency(old.size, old.root, new.size, new.root, proof)
        return old

    def verify(self, progress: Callable[[int], None] | None = None) -> Checkpoint:
        """Reads the whole log and every statement; the state that was checked.

        progress: is told how many entries more have been checked
        Raises what is wrong first, `TooFewWitnesses` too.
        """
        reader = self.reader()
        found = self.policy.check(reader.note().content)
        for entry in reader.entries(0, found.size):
            self._read(entry)
            if progress is not None:
                progress(1)
        return found

    def _add(self, entries: Sequence[bytes]) -> range:
        long = [len(entry) for entry in entries if len(entry) > LONGEST]
        if long:
            raise MalformedEntry(
                f"a statement of {long[0]:,} bytes, {LONGEST:,} fit; put details into a record and "
                "its digest into the ledger"
            )
        with self.writer() as writer:
            return writer.append(entries)

    def _read(self, entry: bytes) -> Event:
        return read_entry(entry, self.authors)


def read_entry(entry: bytes, authors: Iterable[VerifyingKey]) -> Event:
    """The event of an entry, once one of these authors is known to have signed it.

    Raises `MalformedEntry`, `UnknownSigner`, `WrongSignature`.
    """
    envelope = Envelope.read(entry)
    envelope.checked(authors)
    if envelope.kind != IN_TOTO:
        raise MalformedEntry(f"an envelope around {envelope.kind[:80]!r}, not a statement")
    return read_event(envelope.payload)


def authors_of(content: bytes) -> tuple[VerifyingKey, ...]:
    """The public keys in a file, a line each. Raises `MalformedKey`."""
    lines = content.decode("utf-8", "replace").splitlines()
    return tuple(VerifyingKey.read(line.strip()) for line in lines if line.strip())


def waited(path: Path) -> Lock:
    """The lock of a file, once nobody else has it; after a while `WriterTaken`."""
    return _patient(lambda: Lock(path))


def _patient(opening: Callable[[], Held]) -> Held:
    last = time.monotonic() + PATIENCE
    while True:
        try:
            return opening()
        except WriterTaken:
            if time.monotonic() > last:
                raise
            time.sleep(0.02)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error}; `foretaste ledger init` makes a ledger"
        ) from error
    if len(found) > LARGEST:
        raise BadInput(f"{path} has more than {LARGEST:,} bytes")
    return found
