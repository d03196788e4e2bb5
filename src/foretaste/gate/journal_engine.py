"""Databases that a journal can be kept in, each told to be careful."""

from __future__ import annotations

from typing import Any

from foretaste.errors import BadInput, MissingExtra

try:
    from sqlalchemy import Connection, Engine, create_engine, event, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
except ImportError as error:
    raise MissingExtra("the journal of a gate", "gate") from error

_SETTINGS: dict[str, dict[str, Any]] = {"sqlite": {"paramstyle": "named"}, "postgresql": {}}


def engine_of(url: str) -> Engine:
    """Connects to a database when it is first asked; raises `BadInput` where it is none."""
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.partition("://")[2]
    try:
        kind = make_url(url).get_backend_name()
        engine = create_engine(url, **_SETTINGS[kind])
    except (ArgumentError, NoSuchModuleError, KeyError) as error:
        told = f"{url.partition(':')[0]}:… is no URL of a database that a journal can be kept in"
        raise BadInput(f"{told}: sqlite:///FILE or postgresql://USER@HOST/NAME") from error
    except ImportError as error:
        raise MissingExtra("a journal in PostgreSQL", "postgresql") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _careful)
        event.listen(engine, "begin", _begin)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _by_index)
    return engine


def _careful(connection: Any, _: Any) -> None:
    """What is committed stays, even if the power goes."""
    connection.isolation_level = None  # transactions are begun by `_begin`, and only there
    for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {setting}")


def _by_index(connection: Any, _: Any) -> None:
    """Every query here has its index; a table that grew since it was analysed changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    connection.commit()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
