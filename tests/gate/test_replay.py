"""A replay: the same decisions again, or the first that is not."""

import numpy as np
import pytest

from foretaste.data import concat
from foretaste.errors import BadInput, BadRecord
from foretaste.gate import Terms
from foretaste.gate.journal import Journal
from foretaste.gate.keeper import Keeper
from foretaste.gate.keeper_writing import Keep
from foretaste.gate.replay import replay
from tests.gate.keepers import cut, rows, trusted

TERMS = Terms(checks=("joint_outlier", "repetition"), window=100)


def stream():
    return concat([rows(330, seed=1), rows(10, at=20.0, seed=2)])


@pytest.fixture
def journal(tmp_path):
    with Keeper.open(tmp_path, trusted(), TERMS) as keeper:
        for part in cut(stream(), 3, 4, 180, 250):
            told = keeper.submit(part)
        keeper.review([told[-1].id, told[-3].id], "clean", by="ann")
        keeper.close_window(by="ann")
        keeper.roll_back(1, by="ann", why="")
        keeper.submit(rows(120, seed=3))
    made = Journal.open(tmp_path)
    yield made
    made.shut()


def test_a_replay_gives_the_same_decisions(journal):
    found = replay(journal, trusted(), TERMS)
    assert found.same
    assert (found.since, found.records, found.windows) == (0, 460, 5)
    assert found.then == found.now


def test_a_replay_of_the_original_stream_gives_the_same_decisions(journal):
    parts = [*cut(stream(), 11, 200), rows(120, seed=3)]
    found = replay(journal, trusted(), TERMS, parts)
    assert found.same
    assert found.records == 460


def test_a_record_that_was_not_in_the_stream_is_the_first_difference(journal):
    parts = stream().take(np.delete(np.arange(340), 42))
    found = replay(journal, trusted(), TERMS, [parts])
    assert (found.difference.sequence, found.difference.what) == (42, "id")
    assert found.records == 42
    short = replay(journal, trusted(), TERMS, [stream().take(np.arange(200))])
    assert short.difference.what == "records"


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [("ruling", "reject", "ruling"), ("scores", '{"integrity": 9.0}', "scores"), ("id", "x", "id")],
)
def test_a_decision_that_was_changed_is_the_first_difference(journal, column, value, what):
    with journal.transaction() as told:
        told.exec_driver_sql(f"UPDATE decisions SET {column} = '{value}' WHERE sequence = 77")
    found = replay(journal, trusted(), TERMS)
    assert (found.difference.sequence, found.difference.what) == (77, what)
    assert not found.same


def test_a_window_that_was_changed_is_seen(journal):
    with journal.transaction() as told:
        told.exec_driver_sql(
            'UPDATE windows SET record = replace(record, \'"id":"\', \'"id":"0\') WHERE window = 1'
        )
    found = replay(journal, trusted(), TERMS)
    assert (found.difference.what, found.windows) == ("windows", 1)


def test_records_that_are_no_longer_kept_are_begun_after(tmp_path):
    keep = Keep(windows=1, every=1, snapshots=2)
    with Keeper.open(tmp_path, trusted(), TERMS, keep) as keeper:
        for part in cut(stream().having(arrived=np.arange(340.0)), 3, 180, 250):
            keeper.submit(part)
        found = replay(keeper.journal, trusted(), TERMS)
        assert found.same
        assert found.since > 0
        assert found.since + found.records == 340
        for file in (tmp_path / "snapshots").iterdir():
            file.write_bytes(b"torn")
        with pytest.raises(BadRecord, match="no longer kept"):
            replay(keeper.journal, trusted(), TERMS)


def test_other_terms_are_another_gate(journal):
    with pytest.raises(BadInput, match="no journal of these"):
        replay(journal, trusted(), Terms(checks=("joint_outlier",)))
