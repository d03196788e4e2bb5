"""A journal: its tables, its files, who may write."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from foretaste.errors import BadInput, BadRecord, JournalTaken, NotDurable
from foretaste.gate.journal import Journal
from foretaste.gate.journal_lock import WriterLock
from foretaste.gate.journal_rows import LONGEST, plain, stored_key
from foretaste.gate.journal_tables import Table
from foretaste.gate.keeper import Keeper
from tests.gate.keepers import TERMS, postgres, postgres_is_here, rows, trusted


@pytest.fixture
def journal(tmp_path):
    made = Journal.open(tmp_path)
    yield made
    made.shut()


def test_migrations_make_the_tables_that_the_code_speaks_of(journal):
    with journal.transaction() as told:
        assert compare_metadata(MigrationContext.configure(told), Table.metadata) == []
        assert told.execute(text("SELECT version_num FROM alembic_version")).scalar() == "1"


@pytest.mark.slow
@pytest.mark.skipif(not postgres_is_here(), reason="needs the binaries of PostgreSQL")
def test_migrations_make_the_same_tables_in_postgresql(tmp_path):
    with postgres() as server:
        journal = Journal.open(server.url, tmp_path)
        with journal.transaction() as told:
            assert compare_metadata(MigrationContext.configure(told), Table.metadata) == []
        journal.shut()


def test_a_journal_opens_again_as_it_was(journal, tmp_path):
    with journal.transaction() as told:
        told.execute(text("INSERT INTO events VALUES (1, 'close', 0.0, 'a', 'b', '{}')"))
    again = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    with again.transaction() as told:
        assert [row.step for row in again.steps(told, after=0)] == [1]
    again.shut()


def test_a_commit_is_on_disk_before_it_returns(journal):
    with journal.transaction() as told:
        assert told.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert told.execute(text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.parametrize(
    "url", ["nonsense://me:secret@x", "://", "sq lite://me:secret@x", "mysql://me:secret@x/y"]
)
def test_what_is_no_database_is_said_without_its_password(url, tmp_path):
    with pytest.raises(BadInput, match="no URL of a database") as caught:
        Journal.open(url, tmp_path)
    assert "secret" not in str(caught.value)
    with pytest.raises(BadInput, match="needs a folder") as caught:
        Journal.open("postgresql://me:secret@127.0.0.1/x")
    assert "secret" not in str(caught.value)


def test_a_server_needs_a_folder_for_files():
    with pytest.raises(BadInput, match="needs a folder"):
        Journal.open("postgresql://nobody@127.0.0.1:1/none")


def test_a_server_that_is_not_there_is_not_durable(tmp_path):
    with pytest.raises(NotDurable, match="cannot be read or written"):
        Journal.open("postgresql://nobody@127.0.0.1:1/none", tmp_path)


def test_a_database_that_is_something_else_is_not_durable(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"poems, poems, poems" * 100)
    with pytest.raises(NotDurable, match="not a database"):
        Journal.open(tmp_path)


def test_files_are_what_their_names_say(journal):
    name = journal.keep("windows", b"rows")
    assert journal.keep("windows", b"rows") == name
    assert journal.read("windows", name) == b"rows"
    journal.path("windows", name).write_bytes(b"row")
    with pytest.raises(BadRecord, match="torn or was changed"):
        journal.read("windows", name)
    with pytest.raises(BadRecord, match="cannot be read"):
        journal.read("snapshots", name)


def test_a_failed_transaction_writes_nothing(journal):
    def fail():
        with journal.transaction() as told:
            told.execute(text("INSERT INTO events VALUES (1, 'close', 0.0, 'a', 'b', '{}')"))
            raise OSError("the disk is gone")

    with pytest.raises(NotDurable, match="the disk is gone"):
        fail()
    with journal.transaction() as told:
        assert list(journal.steps(told, after=0)) == []


def test_one_writer_at_a_time(journal, tmp_path):
    first, second = (WriterLock(tmp_path, journal.engine) for _ in range(2))
    first.take()
    first.take()
    with pytest.raises(JournalTaken):
        second.take()
    first.free()
    second.take()
    second.free()


def test_readers_see_a_journal_while_it_is_written(tmp_path):
    with Keeper.open(tmp_path, trusted(), TERMS) as keeper:
        keeper.submit(rows(3, seed=1))
        other = Journal.open(tmp_path)
        with other.transaction() as told:
            assert len(other.rulings(told, 0, 10)) == 3
        keeper.submit(rows(3, seed=2))
        other.shut()


def test_keys_that_databases_cannot_index_are_stored_by_their_digest():
    names = ["x" * (LONGEST + 1), "a\x00b", "sha256:x", "y" * (LONGEST + 1)]
    stored = [stored_key(name) for name in names]
    assert len(set(stored)) == 4
    assert all(one.startswith("sha256:") and len(one) == 71 for one in stored)
    assert stored_key("x" * LONGEST) == "x" * LONGEST


def test_text_that_databases_refuse_is_made_plain():
    assert plain("ü\U0001f600 '\"") == "ü\U0001f600 '\""
    assert plain("\x00\udc80") == "\ufffd?"
