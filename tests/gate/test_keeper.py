"""A keeper: what it said once it says again, whatever happens in between."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.data import concat
from foretaste.errors import BadInput, BadRecord, JournalTaken, KeyReused, NotDurable
from foretaste.gate import Gate, Terms
from foretaste.gate.decision import Reason
from foretaste.gate.journal import Journal
from foretaste.gate.keeper import Keeper
from foretaste.gate.keeper_writing import Keep
from foretaste.gate.packing import pack
from tests.gate.keepers import TERMS, cut, postgres, postgres_is_here, rows, trusted


@pytest.fixture
def opened(tmp_path):
    made = []

    def again(keep=None, terms=TERMS, at=tmp_path, **more):
        for one in made:
            killed(one)
        made.append(Keeper.open(at, trusted(), terms, keep, **more))
        return made[-1]

    yield again
    for one in made:
        killed(one)


def killed(keeper):
    """As if the process had died: nothing is written any more, and the system frees the lock."""
    keeper._lock.free()
    keeper.journal.shut()


def stream(n=330):
    batch = concat([rows(n, seed=1), rows(10, at=20.0, seed=2)])
    return batch.having(arrived=np.arange(len(batch)) * 3.0)


def table(kept):
    with pa.memory_map(str(kept.file)) as file:
        return pa.ipc.open_file(file).read_all()


def test_it_decides_what_a_gate_decides(opened):
    keeper = opened()
    assert keeper.submit(stream()) == tuple(Gate(trusted(), TERMS)(stream()).decisions())


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 339), max_size=5), st.integers(1, 400))
def test_a_restart_anywhere_changes_no_decision(tmp_path_factory, places, every):
    at = tmp_path_factory.mktemp("journal")
    told = []
    for part in cut(stream(), *places):
        keeper = Keeper.open(at, trusted(), TERMS, Keep(every=every))
        told.extend(keeper.submit(part))
        killed(keeper)
    for one, two in zip(told, Gate(trusted(), TERMS)(stream()).decisions(), strict=True):
        assert (one.id, one.ruling, one.window) == (two.id, two.ruling, two.window)
        assert one.scores == pytest.approx(two.scores)


def test_a_key_that_came_before_gets_the_decision_it_got_then(opened):
    first = opened().submit(stream())
    keeper = opened()
    assert keeper.submit(stream()) == first
    part = keeper.submit(concat([stream().take([7, 7]), rows(1, seed=9).having(arrived=[0.0])]))
    assert part[:2] == (first[7], first[7])
    assert part[2].sequence == len(first)


def test_keys_belong_to_a_tenant(opened):
    keeper = opened()
    assert keeper.submit(stream(), "a")[0].id != keeper.submit(stream(), "b")[0].id


def test_a_key_with_another_record_decides_nothing(opened):
    keeper = opened()
    keeper.submit(rows(5, seed=1))
    before = keeper.gate.digest
    other = concat([rows(2, seed=3), rows(5, seed=4).having(key=[f"1/0.0/{i}" for i in range(5)])])
    with pytest.raises(KeyReused) as caught:
        keeper.submit(other)
    assert caught.value.keys == tuple(f"1/0.0/{i}" for i in range(5))
    assert keeper.gate.digest == before
    twice = rows(2, seed=5).having(key=["same", "same"])
    with pytest.raises(KeyReused, match="same"):
        keeper.submit(twice)


def test_records_without_a_key_are_each_new(opened):
    keeper = opened()
    one, two = keeper.submit(rows(1, keys=False)), keeper.submit(rows(1, keys=False))
    assert one[0].id != two[0].id


def test_odd_keys_and_sources_are_stored_and_found_again(opened):
    keeper = opened()
    odd = ["a\x00b", "x" * 100_000, "sha256:abc", "ü\U0001f600", "'; drop table decisions --"]
    batch = rows(5, seed=1).having(key=odd, source=odd)
    first = keeper.submit(batch)
    assert [one.key for one in first] == odd
    assert keeper.submit(batch) == first or [d.id for d in keeper.submit(batch)] == [
        d.id for d in first
    ]
    assert [d.key for d in opened().submit(batch)] == odd


def test_no_records_are_no_decisions(opened):
    assert opened().submit(stream().take([])) == ()


def test_what_cannot_be_written_is_not_acknowledged_and_can_be_sent_again(opened, monkeypatch):
    keeper, whole = opened(), Gate(trusted(), TERMS)(stream())
    first = keeper.submit(stream().take(np.arange(150)))
    monkeypatch.setattr(Journal, "keep", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(NotDurable, match="No space"):
        keeper.submit(stream())
    monkeypatch.undo()
    again = keeper.submit(stream())
    assert again[:150] == first
    assert [one.id for one in again] == list(whole.ids)


def test_a_gate_that_breaks_half_way_is_where_it_was(opened, monkeypatch):
    keeper = opened()
    keeper.submit(stream().take(np.arange(150)))
    before = keeper.gate.digest
    monkeypatch.setattr("foretaste.gate.gate.closed", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keeper.submit(stream())
    monkeypatch.undo()
    keeper.submit(rows(0))
    assert keeper.gate.digest == before


def test_records_with_other_columns_are_refused_before_anything_is_decided(opened):
    keeper = opened()
    keeper.submit(rows(5, seed=1))
    with pytest.raises(BadInput, match="open window"):
        keeper.submit(rows(5, seed=2).having(more=np.zeros(5)))
    assert len(keeper.submit(rows(5, seed=2))) == 5


def test_a_second_keeper_of_one_journal_is_refused(opened, tmp_path):
    opened()
    with pytest.raises(JournalTaken, match="another process"):
        Keeper.open(tmp_path, trusted(), TERMS)
    code = (
        "import sys; from foretaste.gate.keeper import Keeper; "
        "from tests.gate.keepers import *; Keeper.open(sys.argv[1], trusted(), TERMS)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.run(command, capture_output=True, text=True)
    assert "JournalTaken" in other.stderr


def test_a_keeper_whose_journal_was_taken_over_stops(opened):
    first = opened()
    first.submit(rows(5, seed=1))
    second = opened()
    told = second.submit(rows(5, seed=2))
    with pytest.raises(NotDurable):
        first.submit(rows(5, seed=3))
    with pytest.raises(JournalTaken):
        first.submit(rows(5, seed=3))
    killed(first)
    assert opened().submit(rows(5, seed=2)) == told


def test_other_terms_or_other_trusted_rows_are_another_gate(opened, tmp_path):
    keeper = opened()
    killed(keeper)
    with pytest.raises(JournalTaken, match="other trusted rows or terms"):
        Keeper.open(tmp_path, trusted(), Terms(checks=("joint_outlier",), window=101))
    with pytest.raises(JournalTaken, match="other trusted rows or terms"):
        Keeper.open(tmp_path, rows(501, keys=False), TERMS)


def test_held_records_are_shown_as_they_came(opened):
    keeper = opened()
    said = [json.dumps({"text": f"record {i}"}) for i in range(3)]
    keeper.submit(rows(3, at=30.0, seed=1), "shop", said)
    held = keeper.held()
    assert [one.shown for one in held] == said
    assert (held[0].tenant, held[0].cause, held[0].verdict) == ("shop", "door", "waiting")
    assert held[0].reasons
    assert [one.decision.sequence for one in keeper.held(after=0, limit=1)] == [1]
    assert keeper.held(tenant="else") == ()
    keeper.submit(rows(1, at=30.0, seed=2))
    assert json.loads(keeper.held()[-1].shown)["key"] == "2/30.0/0"


def test_what_a_person_finds_clean_comes_with_the_open_window(opened):
    keeper = opened()
    odd = keeper.submit(rows(4, at=30.0, seed=1))
    keeper.submit(rows(20, seed=2))
    found = keeper.review([odd[2].id, odd[0].id], "clean", by="ann", why="a new sensor")
    assert [(one.verdict, one.by, one.why) for one in found] == [
        ("clean", "ann", "a new sensor")
    ] * 2
    keeper.review([odd[1].id], "poison", by="ann")
    assert [one.decision.id for one in keeper.held()] == [odd[3].id]
    keeper = opened()
    keeper.close_window()
    learned = table(keeper.windows()[0])
    assert learned["#decision"].to_pylist()[-2:] == [odd[0].id, odd[2].id]
    assert not {odd[1].id, odd[3].id} & set(learned["#decision"].to_pylist())
    assert keeper.windows()[0].rows == learned.num_rows == keeper.windows()[0].record.admitted + 2
    keeper.submit(rows(3, seed=3))
    keeper.close_window()
    assert table(keeper.windows()[1])["#id"].to_pylist() == rows(3, seed=3).ids.tolist()


def test_one_verdict_a_record(opened):
    keeper = opened()
    fine, odd = keeper.submit(rows(1, seed=1))[0], keeper.submit(rows(1, at=30.0, seed=2))[0]
    keeper.review([odd.id], "poison", by="ann")
    before = keeper.gate.digest
    assert keeper.review([odd.id], "poison", by="bob")[0].by == "ann"
    assert keeper.gate.digest == before
    with pytest.raises(BadInput, match="found poison by ann"):
        keeper.review([odd.id], "clean", by="bob")
    with pytest.raises(BadInput, match="not the decision on a held record"):
        keeper.review([fine.id], "poison", by="ann")


def test_a_learner_gets_what_stands_and_nothing_else(opened):
    keeper = opened()
    told = keeper.submit(stream())
    ids = [i for kept in keeper.windows() for i in table(kept)["#decision"].to_pylist()]
    assert ids == [one.id for one in told[:300] if one.ruling == "admit"]
    first = table(keeper.windows()[0])
    assert set(first.column_names) == {"#id", "features", "key", "arrived", "#decision"}


def test_events_and_reviews_survive_a_restart(opened):
    keeper = opened()
    odd = keeper.submit(rows(3, at=30.0, seed=1))
    keeper.submit(rows(50, seed=2))
    keeper.review([odd[0].id], "clean", by="ann")
    keeper.close_window(by="ann", why="end of the day")
    keeper.submit(rows(70, seed=3))
    digest = keeper.gate.digest
    assert opened().gate.digest == digest
    opened().shut()
    assert opened().gate.digest == digest


def test_a_torn_snapshot_costs_only_time(opened, tmp_path):
    keeper = opened(Keep(every=1))
    keeper.submit(stream())
    digest = keeper.gate.digest
    files = sorted((tmp_path / "snapshots").iterdir(), key=lambda one: one.stat().st_mtime)
    files[-1].write_bytes(files[-1].read_bytes()[:100])
    assert opened().gate.digest == digest
    for one in files:
        one.write_bytes(b"")
    assert opened().gate.digest == digest


def test_what_a_crash_left_is_swept_and_what_is_needed_is_not(opened, tmp_path):
    keeper = opened(Keep(every=1))
    keeper.submit(stream())
    keeper.roll_back(0, by="ann", why="")
    keeper.submit(rows(250, seed=7))
    digest = keeper.gate.digest
    for name in ("windows/x.arrow.part", "snapshots/x.standing.part", "snapshots/x.standing"):
        (tmp_path / name).write_bytes(b"torn")
    files = {one for one in tmp_path.rglob("*") if one.is_file() and not one.name.startswith("x")}
    keeper = opened(Keep(every=1))
    assert {one for one in tmp_path.rglob("*") if one.is_file()} >= files - {tmp_path / "lock"}
    assert not list(tmp_path.rglob("x.*"))
    with keeper.journal.transaction() as told:
        told.exec_driver_sql("DELETE FROM snapshots")
    assert opened(Keep(every=1)).gate.digest == digest


def test_a_journal_that_was_cut_short_is_seen(opened):
    keeper = opened()
    keeper.submit(rows(10, seed=1))
    keeper.submit(rows(10, seed=2))
    with keeper.journal.transaction() as told:
        told.exec_driver_sql("DELETE FROM cuts WHERE step = 2")
    with pytest.raises(BadRecord, match="cut short"):
        opened()


def test_a_journal_in_which_a_ruling_was_changed_is_seen(opened):
    keeper = opened()
    keeper.submit(rows(10, at=30.0, seed=1))
    with keeper.journal.transaction() as told:
        told.exec_driver_sql("UPDATE decisions SET ruling = 'admit' WHERE sequence = 4")
    with pytest.raises(BadRecord, match="record 4 was"):
        opened()


def test_old_records_go_unless_somebody_waits_for_them(opened):
    keeper = opened(Keep(windows=1, every=1, snapshots=2))
    odd = keeper.submit(rows(1, at=30.0, seed=1))
    for seed in range(2, 9):
        keeper.submit(rows(90, seed=seed))
    digest = keeper.gate.digest
    with keeper.journal.transaction() as told:
        kept = told.exec_driver_sql("SELECT step FROM cuts ORDER BY step").scalars().all()
    assert kept[0] == 1
    assert {3, 4, 5}.isdisjoint(kept)
    assert opened(Keep(windows=1, every=1, snapshots=2)).gate.digest == digest
    keeper = opened()
    assert keeper.review([odd[0].id], "clean", by="ann")[0].verdict == "clean"
    keeper.submit(rows(90, seed=9))
    digest = keeper.gate.digest
    keeper = opened(Keep(windows=1, every=1, snapshots=2))
    assert keeper.gate.digest == digest
    assert len(list((keeper.journal.folder / "snapshots").iterdir())) == 2


def test_rolling_back_makes_checks_forget_and_is_itself_remembered(opened):
    keep, terms = Keep(every=10**9), Terms(checks=("joint_outlier", "repetition"), window=100)
    keeper = opened(keep, terms)
    keeper.submit(stream())
    keeper.roll_back(0, by="ann", why="window 1 was poisoned")
    fresh = Gate(trusted(), terms)
    fresh(stream().take(np.arange(100)))
    assert pack(keeper.gate.standing.states) == pack(fresh.standing.states)
    assert keeper.gate.standing.sequence == 340
    digest = keeper.gate.digest
    assert opened(keep, terms).gate.digest == digest
    opened(keep, terms).shut()
    keeper = opened(keep, terms)
    keeper.roll_back(2, by="ann", why="a snapshot within window 3 is no end of window 2")
    fresh(stream().take(np.arange(100, 300)))
    assert pack(keeper.gate.standing.states) == pack(fresh.standing.states)
    with pytest.raises(BadInput, match="not over"):
        opened(keep, terms).roll_back(3, by="ann", why="")


@pytest.mark.skipif(not postgres_is_here(), reason="needs the binaries of PostgreSQL")
@pytest.mark.slow
def test_postgresql_keeps_what_sqlite_keeps(tmp_path, opened):
    with postgres() as server:
        keeper = Keeper.open(server.url, trusted(), TERMS, folder=tmp_path / "files")
        told = keeper.submit(stream())
        assert told == tuple(Gate(trusted(), TERMS)(stream()).decisions())
        with pytest.raises(JournalTaken, match="another process"):
            Keeper.open(server.url, trusted(), TERMS, folder=tmp_path / "else")
        server.stop()
        with pytest.raises(NotDurable):
            keeper.submit(rows(1, seed=5))
        server.start()
        more = keeper.submit(concat([rows(1, seed=5), rows(1, at=30.0, seed=6)]))
        assert [one.sequence for one in more] == [340, 341]
        assert keeper.submit(stream()) == told
        keeper.review([more[1].id], "clean", by="ann")
        keeper.close_window()
        digest = keeper.gate.digest
        killed(keeper)
        with Keeper.open(server.url, trusted(), TERMS, folder=tmp_path / "files") as again:
            assert again.gate.digest == digest
            odd = ["a\x00b", "x" * 100_000, "ü\U0001f600"]
            assert [d.key for d in again.submit(rows(3, seed=7).having(key=odd))] == odd


def test_what_is_pulled_back_waits_for_a_person_and_comes_again_if_it_was_clean(opened):
    keeper = opened()
    told = keeper.submit(stream())
    why = {
        told[i].id: [Reason(check="scan", surprise=4.0, text="a trigger phrase")] for i in (5, 205)
    }
    assert [one.cause for one in keeper.pull_back(why, by="scan")] == ["pullback", "pullback"]
    assert {told[5].id, told[205].id} <= {one.decision.id for one in keeper.held()}
    with pytest.raises(BadInput, match="let in"):
        keeper.pull_back({told[5].id: ()}, by="scan")
    with pytest.raises(BadInput, match="let in"):
        keeper.pull_back({told[-1].id: ()}, by="scan")
    keeper = opened()
    keeper.review([told[5].id], "clean", by="ann")
    keeper.review([told[205].id], "poison", by="ann")
    digest = keeper.gate.digest
    keeper = opened()
    assert keeper.gate.digest == digest
    keeper.close_window()
    assert table(keeper.windows()[-1])["#decision"].to_pylist()[-1] == told[5].id
