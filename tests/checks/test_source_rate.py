"""Rates: floods of one source and of many new ones are held, what is usual is not."""

import numpy as np

from foretaste.checks.source_rate import SourceRate
from foretaste.data import Batch


def rows(names, arrived=None):
    at = np.arange(len(names)) * 1.0 if arrived is None else arrived
    return Batch(range(len(names)), {"source": list(names), "arrived": at})


def usual(n, seed, sources=20):
    rng = np.random.default_rng(seed)
    return [f"s{i}" for i in rng.integers(0, sources, n)]


TRUSTED = rows(usual(2000, seed=0))


def test_usual_traffic_is_let_in():
    check = SourceRate()
    state, held = check.start(TRUSTED), []
    for turn in range(10):
        batch = rows(usual(1000, seed=1 + turn), 2000.0 + 1000 * turn + np.arange(1000))
        surprise, state = check.judge(batch, state)
        held.append((surprise > 3).mean())
        state = check.learn(batch, surprise < 3, state)
    assert np.mean(held) < 0.001


def test_what_a_source_sends_beyond_its_rate_is_held_and_what_others_send_is_not():
    check = SourceRate()
    names = [*usual(500, seed=1), *["s3"] * 400]
    surprise, _ = check.judge(rows(names), check.start(TRUSTED))
    odd = surprise > 3
    assert not odd[:500].any()
    assert odd[750:].all()


def test_many_new_names_are_held_as_a_crowd():
    check = SourceRate()
    names = usual(1000, seed=2)
    names[::10] = [f"new {i}" for i in range(100)]
    surprise, _ = check.judge(rows(names), check.start(TRUSTED))
    assert (surprise[::10] > 3).mean() > 0.7
    assert not (np.delete(surprise, slice(None, None, 10)) > 3).any()


def test_new_names_are_let_in_where_trusted_rows_are_full_of_them():
    check = SourceRate()
    trusted = rows([f"once {i}" for i in range(2000)])
    surprise, _ = check.judge(rows([f"other {i}" for i in range(1000)]), check.start(trusted))
    assert not (surprise > 2).any()


def test_a_burst_in_time_is_held_though_its_share_is_usual():
    check = SourceRate()
    trusted = rows(usual(2000, seed=0), np.arange(2000) * 60.0)
    burst = rows(usual(6000, seed=3), 2000 * 60 + np.arange(6000) * 0.01)
    surprise, _ = check.judge(burst, check.start(trusted))
    assert (surprise[4000:] > 3).mean() > 0.9
    assert not (surprise[:200] > 3).any()


def test_a_usual_rate_rises_slowly_and_only_with_what_was_let_in():
    check = SourceRate()
    state = check.start(TRUSTED)
    flood = rows(["s3"] * 1000)
    _, held = check.judge(flood, state)
    held = check.learn(flood, np.zeros(1000, bool), held)
    _, let_in = check.judge(flood, state)
    let_in = check.learn(flood, np.ones(1000, bool), let_in)
    assert "source s3 sent 1000 records lately" in check.explain(flood, 0, let_in)
    assert held.usual.max() <= state.usual.max()
    assert let_in.usual.max() <= 1.5 * state.usual.max()


def test_what_is_remembered_does_not_grow_with_the_stream():
    check = SourceRate(span=200)
    state = check.start(TRUSTED)
    for turn in range(20):
        batch = rows([f"{turn} {i}" for i in range(300)])
        state = check.learn(batch, np.ones(300, bool), check.judge(batch, state)[1])
    assert len(state.recent.keys) + len(state.recent.old_keys) <= 602
    assert len(state.keys) <= 101


def test_an_attacker_within_the_limits_is_not_seen():
    check = SourceRate()
    names = usual(1000, seed=4)
    names[::40] = ["s3"] * 25
    surprise, _ = check.judge(rows(names), check.start(TRUSTED))
    assert not (surprise > 3).any()
