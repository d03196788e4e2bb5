"""Drift beside the gate: attacks come at once, honest data drifts."""

import json

import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.gate.decision import WindowRecord
from foretaste.gate.drift import Change, Course, Drift, DriftRecord
from foretaste.gate.drift_tests import _tail, apart, changed, course
from foretaste.gate.packing import pack, unpack
from foretaste.gate.ruled import Window


def rows(n, seed, shift=0.0, share=1.0, culprit=""):
    """Two numbers and a town; the first number of some records is shifted."""
    rng = np.random.default_rng(seed)
    struck = rng.random(n) < share
    town = pa.array(rng.choice(["Oslo", "Lima"], n).tolist(), pa.large_string())
    amounts = [pa.array(rng.normal(0, 1, n) + shift * struck), pa.array(rng.exponential(1, n))]
    source = np.where(struck & bool(culprit), culprit, rng.choice(["s1", "s2", "s3"], n))
    return Batch(
        [f"{seed} {i}" for i in range(n)],
        {
            "features": pa.StructArray.from_arrays([*amounts, town], ["fee", "age", "town"]),
            "label": rng.integers(0, 2, n),
            "source": source.tolist(),
        },
        classes=("no", "yes"),
    )


def window(at, batch, held=None):
    none = batch.take([]) if held is None else held
    n = len(batch) + len(none)
    record = WindowRecord(
        window=at, id="", first=0, records=n, admitted=n, held=0, rejected=0, content=""
    )
    return Window(batch, none, record)


@pytest.fixture(scope="module")
def trusted():
    return rows(2000, seed=0)


def test_nothing_is_said_as_long_as_nothing_changes(trusted):
    drift = Drift(trusted)
    told = [drift(window(at, rows(400, seed=1 + at))) for at in range(12)]
    assert [one.change for one in told] == [Change.NONE] * 12


def test_a_change_at_once_reads_as_an_attack_and_names_value_and_source(trusted):
    drift = Drift(trusted)
    for at in range(6):
        drift(window(at, rows(400, seed=1 + at)))
    told = [drift(window(6 + at, rows(400, 50 + at, 2.0, 0.4, "thief"))) for at in range(3)]
    assert told[0].change is Change.ABRUPT
    assert told[-1].arrived.since == 6
    assert "fee" in [one.name for one in told[-1].arrived.values]
    assert told[-1].arrived.sources[0].name == "thief"
    assert told[-1].arrived.sources[0].before == 0


def test_a_change_over_many_windows_reads_as_drift(trusted):
    drift = Drift(trusted)
    told = [drift(window(at, rows(400, 1 + at, 0.12 * max(0, at - 4)))) for at in range(18)]
    assert told[3].change is Change.NONE
    assert told[-1].change is Change.GRADUAL
    assert told[-1].arrived.values[0].name == "fee"


def test_what_the_gate_held_shows_in_what_arrived_only(trusted):
    drift = Drift(trusted)
    for at in range(4):
        drift(window(at, rows(400, seed=1 + at)))
    told = drift(window(4, rows(300, seed=90), rows(100, seed=91, shift=5.0)))
    assert told.arrived.change is Change.ABRUPT
    assert told.admitted.change is Change.NONE


def test_values_that_change_together_only_are_seen_by_the_test_of_all():
    rng = np.random.default_rng(0)

    def pairs(n, turned):
        one = rng.normal(0, 1, n)
        other = rng.normal(0, 1, n) if not turned else one + rng.normal(0, 0.1, n)
        return Batch(list(map(str, range(n))), {"features": np.stack([one, other], axis=1)})

    drift = Drift(pairs(2000, False))
    assert drift(window(0, pairs(500, False))).change is Change.NONE
    told = drift(window(1, pairs(500, True)))
    assert told.change is Change.ABRUPT
    assert not told.arrived.values


def test_an_empty_window_is_no_change(trusted):
    none = rows(10, seed=1).take([])
    assert Drift(trusted)(window(0, none)).change is Change.NONE


def test_a_state_that_was_packed_goes_on_as_if_it_never_had_been(trusted):
    one, two = Drift(trusted), Drift(trusted)
    for at in range(5):
        one(window(at, rows(300, seed=1 + at)))
    two.state = unpack(pack(one.state), [Course])
    later = window(5, rows(300, seed=60, shift=0.8))
    assert one(later) == two(later)


def test_what_is_remembered_is_bounded(trusted):
    drift = Drift(trusted, memory=3)
    for at in range(30):
        drift(window(at, rows(50, seed=at)))
    kept = drift.state["arrived"]
    assert len(kept.kept) == 3
    assert len(kept.levels) == 24
    assert kept.looks == 30


def test_a_record_survives_json(trusted):
    told = Drift(trusted)(window(0, rows(300, seed=5, shift=3.0)))
    text = told.model_dump_json(by_alias=True)
    assert json.loads(text)["schema"] == 1
    assert DriftRecord.model_validate_json(text) == told


def test_two_samples_of_one_distribution_are_rarely_apart():
    surprising = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        _, p = apart(rng.normal(size=(300, 4)), rng.normal(size=(150, 4)), rng)
        surprising += p <= 0.05
    assert surprising <= 9
    rng = np.random.default_rng(0)
    assert apart(rng.normal(size=(300, 4)), rng.normal(1, 1, size=(150, 4)), rng)[1] < 1e-6


def test_the_tail_of_one_square_is_known():
    assert _tail(25.0, np.ones(1)) == pytest.approx(5.7e-7, rel=0.1)
    assert _tail(60.0, np.ones(10)) == pytest.approx(3.6e-9, rel=0.1)


def test_adwin_alarms_at_a_jump_and_not_at_noise():
    noise = np.random.default_rng(0).random(2000)
    assert not changed(noise, 0.001)
    assert changed(np.append(noise, noise[:300] / 2), 0.001)


def test_a_step_is_told_from_a_slope():
    noise = np.random.default_rng(0).normal(0, 0.005, 20)
    at = np.arange(20)
    assert course(0.3 * (at >= 12) + noise) == (True, 12)
    abrupt, since = course(0.03 * np.clip(at - 8, 0, 9) + noise)
    assert not abrupt
    assert 7 <= since <= 11
