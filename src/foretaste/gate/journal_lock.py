"""One writer at a time for a journal; the lock of a process that died is free at once."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from foretaste.errors import JournalTaken, NotDurable

_PATIENCE = 3.0  # seconds in which a server may notice that the last writer died
_TRY = text("SELECT pg_try_advisory_lock(1701601889, hashtext(current_schema()))")


class WriterLock:
    """Held from `take` to `free`.

    folder: two processes on one machine meet here, by the lock of an empty SQLite file
    engine: two machines on one PostgreSQL meet there, by an advisory lock of its own connection
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._path = folder / "lock"
        self._engine = engine
        self._file: sqlite3.Connection | None = None
        self._server: Connection | None = None

    def take(self) -> None:
        """Takes the lock, again if the server forgot it; `JournalTaken` where another has it."""
        if self._file is None:
            self._file = self._locked()
        if self._engine.dialect.name == "postgresql":
            self._take_server()

    def free(self) -> None:
        """Lets others write."""
        if self._server is not None:
            self._server.invalidate()
            self._server.close()
        if self._file is not None:
            self._file.close()
        self._file = self._server = None

    def _locked(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, 0.0, isolation_level=None, check_same_thread=False)
        try:
            file.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            file.close()
            raise JournalTaken(
                f"another process writes to {self._path.parent} ({error}); stop it first"
            ) from error
        return file

    def _take_server(self) -> None:
        try:
            if self._server is None or not self._alive(self._server):
                self._server = self._won()
        except SQLAlchemyError as error:
            told = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise NotDurable(f"the journal cannot be reached now: {told}") from error

    def _alive(self, server: Connection) -> bool:
        """Whether the server still knows this connection, and with it the lock."""
        try:
            server.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self._server = None
            server.close()
        return self._server is not None

    def _won(self) -> Connection:
        server = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + _PATIENCE
        while not server.execute(_TRY).scalar():
            if time.monotonic() > until:
                server.close()
                raise JournalTaken("another process writes to this database; stop it first")
            time.sleep(0.05)
        return server
