"""All that a gate decided, in a database, so that nothing acknowledged is ever lost.

    FOLDER/journal.db                   SQLite, unless a URL says another database
    FOLDER/lock                         held by the one process that writes
    FOLDER/windows/<sha256>.arrow       rows of a closed window that a learner may have
    FOLDER/snapshots/<sha256>.standing  all a gate knew after a step; the last few

Both kinds of files are named by the SHA-256 of their bytes, written beside, made durable and
renamed before the database speaks of them; a file it does not speak of may be deleted.

Everything that happens to a gate has a step, counted from 1: a cut of records judged together
(table `cuts`), or an event (table `events`). Steps in order, from nothing or from a snapshot, make
the gate what it is. Each transaction holds whole steps with all their decisions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foretaste.durable import write_durably
from foretaste.errors import BadInput, BadRecord, MissingExtra, NotDurable
from foretaste.gate.journal_engine import engine_of
from foretaste.gate.journal_tables import (
    CutRow,
    DecisionRow,
    EventRow,
    GateRow,
    HeldRow,
    SnapshotRow,
    Table,
    WindowRow,
)

try:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import (
        Connection,
        Engine,
        Row,
        bindparam,
        func,
        insert,
        select,
    )
    from sqlalchemy.exc import SQLAlchemyError
except ImportError as error:
    raise MissingExtra("the journal of a gate", "gate") from error

AT_ONCE = 500  # values a query asks for at a time
_MIGRATIONS = Path(__file__).parent / "migrations"
_THEIRS = select(DecisionRow.__table__).where(DecisionRow.tenant == bindparam("tenant"))
_DECIDED = _THEIRS.where(DecisionRow.key.in_(bindparam("some")))
_DECIDED_ONE = _THEIRS.where(DecisionRow.key == bindparam("one"))  # twice as quick to make
_SUFFIXES = {"windows": ".arrow", "snapshots": ".standing"}


class Journal:
    """A database and a folder beside it.

    >>> import tempfile
    >>> journal = Journal.open(tempfile.mkdtemp())
    >>> with journal.transaction() as told:
    ...     print(journal.gate(told), list(journal.steps(told, after=0)))
    None []
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self._inserts: dict[type[Table], str] = {}

    @classmethod
    def open(cls, at: str | Path, folder: str | Path | None = None) -> Journal:
        """Opens or makes a journal, its tables brought to this version.

        at: a folder, or the URL of a database: sqlite:///FILE, postgresql://USER@HOST/NAME
        folder: of the files; beside an SQLite file where not given
        """
        url = str(at) if "://" in str(at) else f"sqlite:///{Path(at) / 'journal.db'}"
        engine = engine_of(url)
        if folder is None and engine.dialect.name != "sqlite":
            raise BadInput(f"{engine.url!r} needs a folder for its files beside the database")
        place = Path(folder or Path(str(engine.url.database)).parent)
        for kind in _SUFFIXES:
            (place / kind).mkdir(parents=True, exist_ok=True)
        journal = cls(engine, place)
        journal._migrate()
        return journal

    def shut(self) -> None:
        """Lets go of the database."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it is written, or nothing; `NotDurable` where the database or disk fails."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self.engine.dispose()
            told = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise NotDurable(f"the journal cannot be read or written now: {told}") from error

    def gate(self, told: Connection) -> Row[Any] | None:
        """The gate it belongs to."""
        return told.execute(select(GateRow.__table__)).one_or_none()

    def write(
        self, told: Connection, table: type[Table], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Adds rows, each with every column of the table."""
        if not rows:
            return
        if table not in self._inserts:
            self._inserts[table] = str(insert(table).compile(self.engine))
        told.exec_driver_sql(self._inserts[table], [dict(row) for row in rows])

    def decided(self, told: Connection, tenant: str, keys: Iterable[str]) -> dict[str, Row[Any]]:
        """Stored key -> decision, of a tenant's keys that came before."""
        found = {}
        for some in _parts(keys):
            if len(some) == 1:
                rows = told.execute(_DECIDED_ONE, {"tenant": tenant, "one": some[0]})
            else:
                rows = told.execute(_DECIDED, {"tenant": tenant, "some": some})
            found.update({row.key: row for row in rows})
        return found

    def of(self, told: Connection, table: type[Table], ids: Iterable[str]) -> dict[str, Row[Any]]:
        """Decision id -> row, of decisions or held records."""
        found, source = {}, table.__table__
        for some in _parts(ids):
            query = select(source).where(source.c.id.in_(some))
            found.update({row.id: row for row in told.execute(query)})
        return found

    def steps(self, told: Connection, after: int) -> Iterator[Row[Any]]:
        """Cuts and events after a step, in order."""
        cuts, events = CutRow.__table__, EventRow.__table__
        some = told.execute(select(events).where(events.c.step > after).order_by(events.c.step))
        waiting = list(some)
        many = select(cuts).where(cuts.c.step > after).order_by(cuts.c.step)
        for cut in told.execute(many, execution_options={"yield_per": 16}):
            while waiting and waiting[0].step < cut.step:
                yield waiting.pop(0)
            yield cut
        yield from waiting

    def cuts(self, told: Connection, steps: Iterable[int]) -> dict[int, Row[Any]]:
        """Step -> cut."""
        table = CutRow.__table__
        found = {}
        for some in _parts(steps):
            rows = told.execute(select(table).where(table.c.step.in_(some)))
            found.update({row.step: row for row in rows})
        return found

    def rulings(self, told: Connection, first: int, records: int) -> list[Row[Any]]:
        """Decisions on records that came one after the other, in order."""
        table = DecisionRow.__table__
        inside = table.c.sequence.between(first, first + records - 1)
        return list(told.execute(select(table).where(inside).order_by(table.c.sequence)))

    def admitted(self, told: Connection, first: int, records: int) -> list[str]:
        """Ids of the decisions on those of them that were let in at the door, in order."""
        table = DecisionRow.__table__
        inside = table.c.sequence.between(first, first + records - 1)
        query = select(table.c.id).where(inside, table.c.ruling == "admit")
        return list(told.execute(query.order_by(table.c.sequence)).scalars())

    def held(
        self,
        told: Connection,
        verdict: str = "waiting",
        after: int = -1,
        limit: int = 100,
        tenant: str | None = None,
    ) -> list[tuple[Row[Any], Row[Any]]]:
        """Held records with their decisions, oldest first."""
        held = HeldRow.__table__
        query = select(held).where(held.c.verdict == verdict, held.c.sequence > after)
        if tenant is not None:
            query = query.where(held.c.tenant == tenant)
        rows = list(told.execute(query.order_by(held.c.sequence).limit(limit)))
        ids = self.of(told, DecisionRow, [row.id for row in rows])
        return [(row, ids[row.id]) for row in rows]

    def waiting(self, told: Connection) -> int:
        """How many records wait for a person."""
        table = HeldRow.__table__
        count = select(func.count()).select_from(table).where(table.c.verdict == "waiting")
        return int(told.execute(count).scalar_one())

    def places(self, told: Connection, rows: Sequence[Row[Any]]) -> dict[str, list[int]]:
        """Step of a cut -> rows in it, of some decisions in order."""
        cuts = self.cuts(told, {row.cut for row in rows})
        found: dict[str, list[int]] = {}
        for row in sorted(rows, key=lambda one: one.sequence):
            first = cuts[row.cut].first if row.cut in cuts else row.sequence
            found.setdefault(str(row.cut), []).append(row.sequence - first)
        return found

    def snapshots(self, told: Connection) -> list[Row[Any]]:
        """Newest first."""
        table = SnapshotRow.__table__
        return list(told.execute(select(table).order_by(table.c.step.desc())))

    def windows(self, told: Connection, after: int = -1, limit: int = 1 << 31) -> list[Row[Any]]:
        """Windows that are over, oldest first."""
        table = WindowRow.__table__
        query = select(table).where(table.c.window > after).order_by(table.c.window)
        return list(told.execute(query.limit(limit)))

    def whole_after(self, told: Connection, step: int) -> bool:
        """Whether all steps after one are still kept."""
        kept = 0
        for table in (CutRow, EventRow):
            count = select(func.count()).select_from(table).where(table.step > step)
            kept += told.execute(count).scalar_one()
        last = told.execute(select(GateRow.step)).scalar_one()
        return bool(kept == last - step)

    def keep(self, kind: str, content: bytes) -> str:
        """Writes a file durably, unless it is there; its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(kind, digest)
        if not path.exists():
            write_durably(path, content)
        return digest

    def read(self, kind: str, digest: str) -> bytes:
        """A file's bytes; `BadRecord` where they are not those that were written."""
        path = self.path(kind, digest)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadRecord(f"{path} cannot be read ({error})") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise BadRecord(f"{path} is torn or was changed: its SHA-256 is not its name")
        return content

    def path(self, kind: str, digest: str) -> Path:
        """Where a file is."""
        return self.folder / kind / f"{digest}{_SUFFIXES[kind]}"

    def sweep(self, told: Connection) -> None:
        """Deletes what a crash left: half-written files, and snapshots of no step.

        Only for whoever holds the lock of writers.
        """
        bodies = told.execute(select(EventRow.body).where(EventRow.kind == "rollback")).scalars()
        known = {row.file for row in self.snapshots(told)}
        known.update(json.loads(body)["file"] for body in bodies)
        for kind, suffix in _SUFFIXES.items():
            for path in (self.folder / kind).iterdir():
                orphan = path.suffix == suffix and kind == "snapshots" and path.stem not in known
                if orphan or path.suffix == ".part":
                    path.unlink(missing_ok=True)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.transaction() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def versions() -> str:
    """Of what decides how numbers come out, as JSON."""
    return json.dumps({name: version(name) for name in ("foretaste", "numpy", "scipy", "pyarrow")})


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    some = list(values)
    return (some[i : i + AT_ONCE] for i in range(0, len(some), AT_ONCE))
