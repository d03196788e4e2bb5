"""The gate as a whole: what it lets in, that it shuts when it fails, that it can be replayed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.data import Batch, concat
from foretaste.errors import BadInput
from foretaste.gate import Gate, Terms
from foretaste.streaming import Ruling

TERMS = Terms(checks=("joint_outlier",), window=100)


def rows(n, at=0.0, seed=0):
    rng = np.random.default_rng([seed, n])
    names = [f"{seed} {at} {i}" for i in range(n)]
    return Batch(names, {"features": rng.normal(at, 1, (n, 3)), "arrived": np.arange(n) + 0.0})


def test_honest_records_come_in_and_odd_ones_are_held():
    gate = Gate(rows(1000), TERMS)
    assert gate(rows(1000, seed=1)).admitted.mean() > 0.985
    assert gate(rows(20, at=30.0)).held.all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 250), max_size=6))
def test_cutting_the_stream_elsewhere_changes_no_decision(cuts):
    stream = concat([rows(300, seed=1), rows(5, at=20.0, seed=2)])
    whole = Gate(rows(500), TERMS)(stream)
    gate, parts, at = Gate(rows(500), TERMS), [], 0
    for size in [*cuts, len(stream)]:
        parts.append(gate(stream.take(np.arange(at, min(at + size, len(stream))))))
        at = min(at + size, len(stream))
    again = [one for part in parts for one in part.decisions()]
    for one, two in zip(again, whole.decisions(), strict=True):
        assert (one.id, one.ruling, one.window) == (two.id, two.ruling, two.window)
        assert one.scores == pytest.approx(two.scores)
    windows = [window.record for part in parts for window in part.windows]
    assert windows == [window.record for window in whole.windows]


def test_one_changed_record_changes_every_id_after_it():
    stream, other = rows(50, seed=1), rows(50, seed=1)
    changed = Batch(
        ["x" if i == 20 else one for i, one in enumerate(other.ids)],
        {name: other[name] for name in other.names},
    )
    one, two = Gate(rows(500), TERMS)(stream), Gate(rows(500), TERMS)(changed)
    assert one.ids[:20] == two.ids[:20]
    assert not set(one.ids[20:]) & set(two.ids[20:])


def test_every_record_is_counted_once():
    gate = Gate(rows(500), TERMS)
    ruled = gate(concat([rows(230, seed=1), rows(20, at=30.0)]))
    last = gate.close()
    windows = [window.record for window in (*ruled.windows, last)]
    assert sum(window.records for window in windows) == 250
    assert sum(len(window.rows) + len(window.held) for window in (*ruled.windows, last)) == 250
    assert gate.close() is None


def test_a_check_that_crashes_lets_nothing_in(monkeypatch):
    gate = Gate(rows(500), TERMS)
    monkeypatch.setattr(type(gate.checks["joint_outlier"]), "judge", lambda *_: 1 / 0)
    ruled = gate(rows(10, seed=1))
    assert ruled.held.all()
    assert "cannot tell" in ruled.reasons[0][0].text
    assert "ZeroDivisionError" in gate.close().record.failures[0]


def test_a_number_that_is_none_is_held():
    bad = rows(3, seed=1).having(features=np.full((3, 3), np.nan))
    decisions = list(Gate(rows(500), TERMS)(bad).decisions())
    assert all(one.ruling in (Ruling.HOLD, Ruling.ADMIT) for one in decisions)


def test_the_clock_never_falls():
    gate = Gate(rows(500), TERMS)
    gate(rows(10, seed=1).having(arrived=np.full(10, 100.0)))
    ruled = gate(rows(10, seed=2).having(arrived=np.full(10, 50.0)))
    assert (ruled.batch["arrived"] == 100.0).all()


def test_an_arrival_that_is_no_time_does_not_stop_the_clock():
    gate = Gate(rows(500), TERMS)
    ruled = gate(rows(4, seed=1).having(arrived=[5.0, np.nan, np.inf, 7.0]))
    assert ruled.batch["arrived"].tolist() == [5.0, 5.0, 5.0, 7.0]


def test_people_may_decide_about_what_could_not_be_encoded(monkeypatch):
    gate, bad = Gate(rows(500), TERMS), rows(2, seed=1)
    encode = type(gate.prepared).encode

    def fails(prepared, batch):
        if len(batch) and bad.ids[0] in batch.ids.tolist():
            raise ValueError("no such picture")
        return encode(prepared, batch)

    monkeypatch.setattr(type(gate.prepared), "encode", fails)
    assert gate(bad).held[0]
    before = gate.digest
    gate.heed(bad, np.array([False, True]))
    assert gate.digest != before


def test_settings_nobody_asked_for_are_refused():
    with pytest.raises(BadInput, match="do not run"):
        Gate(rows(500), Terms(checks=("joint_outlier",), settings={"contract": {}}))
    with pytest.raises(BadInput, match="no column breach"):
        Gate(rows(500), Terms(checks=("contract",)))
    with pytest.raises(BadInput, match="trusted rows"):
        Gate(rows(0), TERMS)
