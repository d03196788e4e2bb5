"""What a witness has on disk: which logs it knows, what it signed last, and evidence against logs.

One SQLite file. What is written is on disk when a transaction is left, and no other thread or
process writes meanwhile.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from foretaste.durable import sync_folder
from foretaste.errors import BadInput, BadRecord, NotDurable
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.keys import VerifyingKey
from foretaste.ledger.note import Note
from foretaste.ledger.witness_wire import AddCheckpoint

SCHEMA = 1
EVIDENCE = 100  # kept of each log
_WAIT = 10.0  # seconds for other processes

_TABLES = """
CREATE TABLE witness (schema INTEGER NOT NULL, keys TEXT NOT NULL);
CREATE TABLE logs (origin TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (origin, key));
CREATE TABLE latest (origin TEXT PRIMARY KEY, at INTEGER NOT NULL, note BLOB NOT NULL);
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, at INTEGER NOT NULL, why TEXT NOT NULL,
    digest TEXT NOT NULL, request BLOB NOT NULL, latest BLOB NOT NULL, UNIQUE (origin, digest)
);
"""
_KEPT = "SELECT origin, at, why, request, latest FROM evidence ORDER BY id"
_KEEP = """INSERT OR IGNORE INTO evidence (origin, at, why, digest, request, latest)
VALUES (?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True)
class Evidence:
    """What a log signed that does not go with what a witness had signed of it.

    why:     `shorter`, `two roots` or `not grown`; a checkpoint that is shorter may have been sent
        again by anybody, the others only the log can have made
    at:      seconds since 1970
    request: what was sent, signed by the log
    latest:  the signed note of the newest checkpoint at that time
    """

    origin: str
    at: int
    why: str
    request: AddCheckpoint
    latest: bytes


@dataclass(frozen=True)
class Latest:
    """The newest checkpoint that was signed, its note, and when; None: there is none yet."""

    seen: Checkpoint | None = None
    at: int = 0
    note: bytes = b""

    @property
    def size(self) -> int:
        """Its entries."""
        return self.seen.size if self.seen else 0


class State:
    """The file of a witness; `told` is its public keys, which no other witness may have."""

    def __init__(self, path: Path, told: str) -> None:
        self.path = path
        if not path.is_file():
            raise BadInput(
                f"there is no state of a witness in {path}; a witness that forgot what it signed "
                "must not sign again with the same keys: put the file back, or begin with new keys"
            )
        with self.reading() as tables:
            schema, said = tables.execute("SELECT schema, keys FROM witness").fetchone()
        if schema != SCHEMA:
            raise BadRecord(f"{path} has schema {schema}; this version knows {SCHEMA}")
        if said != told:
            raise BadInput(f"{path} belongs to a witness with other keys: {said}")

    @classmethod
    def new(cls, path: Path, told: str) -> State:
        """One in which nothing was signed yet; raises `BadInput` where there is one already."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.unlink(missing_ok=True)
        with closing(sqlite3.connect(beside)) as made:
            made.executescript(_TABLES)
            made.execute("INSERT INTO witness VALUES (?, ?)", (SCHEMA, told))
            made.commit()
        try:
            path.hardlink_to(beside)
        except FileExistsError as error:
            raise BadInput(f"there is a state of a witness in {path} already") from error
        finally:
            beside.unlink()
        sync_folder(path.parent)
        return cls(path, told)

    def trust(self, origin: str, key: VerifyingKey) -> None:
        """One more key of a log."""
        with self.writing() as tables:
            tables.execute("INSERT OR IGNORE INTO logs VALUES (?, ?)", (origin, key.text))

    def logs(self) -> dict[str, tuple[VerifyingKey, ...]]:
        """The keys of all logs, by name."""
        known: dict[str, tuple[VerifyingKey, ...]] = {}
        with self.reading() as tables:
            for origin, key in tables.execute("SELECT origin, key FROM logs ORDER BY origin, key"):
                known[origin] = (*known.get(origin, ()), VerifyingKey.read(key))
        return known

    def evidence(self) -> list[Evidence]:
        """All of it, oldest first."""
        with self.reading() as tables:
            rows = tables.execute(_KEPT).fetchall()
        return [
            Evidence(origin, at, why, AddCheckpoint.read(request), latest)
            for origin, at, why, request, latest in rows
        ]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The tables; raises `NotDurable` where the file does not work."""
        place = f"file:{quote(str(self.path.absolute()))}?mode=rw"
        try:
            with closing(
                sqlite3.connect(place, uri=True, timeout=_WAIT, isolation_level=None)
            ) as tables:
                tables.execute("PRAGMA synchronous=EXTRA")
                yield tables
        except sqlite3.DatabaseError as error:
            raise NotDurable(f"the witness's state in {self.path}: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process is beside of; over, and on disk, when it is left."""
        with self.reading() as tables:
            tables.execute("BEGIN IMMEDIATE")
            try:
                yield tables
            except BaseException:
                tables.execute("ROLLBACK")
                raise
            tables.execute("COMMIT")


def latest_of(tables: sqlite3.Connection, origin: str) -> Latest:
    """What was signed last of a log."""
    row = tables.execute("SELECT at, note FROM latest WHERE origin = ?", (origin,)).fetchone()
    if row is None:
        return Latest()
    return Latest(Checkpoint.read(Note.read(row[1]).text), row[0], row[1])


def write_latest(tables: sqlite3.Connection, origin: str, at: int, note: Note) -> None:
    """From now on that is what was signed last."""
    row = (origin, at, note.content)
    tables.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", row)


def keep(tables: sqlite3.Connection, found: Evidence) -> None:
    """Evidence once for each checkpoint, and no more of a log than a bounded number."""
    counted = "SELECT COUNT(*) FROM evidence WHERE origin = ?"
    if tables.execute(counted, (found.origin,)).fetchone()[0] < EVIDENCE:
        text = Note.read(found.request.checkpoint).text
        digest = hashlib.sha256(text.encode()).hexdigest()
        request = found.request.content
        row = (found.origin, found.at, found.why, digest, request, found.latest)
        tables.execute(_KEEP, row)
