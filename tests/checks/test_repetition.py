"""Copies: floods are caught, what trusted rows repeat is not, and memory stays small."""

import numpy as np

from foretaste.checks.repetition import Repetition
from foretaste.data import Batch


def rows(names, **columns):
    return Batch([str(name) for name in names], columns)


def fresh(n, start=0):
    return rows(range(start, start + n))


def after(check, state, batch):
    surprise, state = check.judge(batch, state)
    close = check.settle(batch, np.ones(len(batch), bool), state)
    return surprise, close, check.learn(batch, np.ones(len(batch), bool), state)


def test_all_copies_of_a_flood_are_odd_when_the_window_ends_the_first_one_too():
    check = Repetition()
    flood = rows([*range(5000, 5900), *["same"] * 50])
    door, close, _ = after(check, check.start(fresh(1000)), flood)
    assert door[900] == 0
    assert (door[910:] > 3.3).all()
    assert (close[900:] > 3.3).all()
    assert (close[:900] == 0).all()


def test_what_trusted_rows_repeat_may_be_repeated():
    check = Repetition()
    beat = ["beat" if i % 10 == 0 else f"a{i}" for i in range(1000)]
    later = ["beat" if i % 10 == 0 else f"b{i}" for i in range(1000)]
    door, close, _ = after(check, check.start(rows(beat)), rows(later))
    assert (door < 3).all()
    assert (close < 3).all()


def test_a_source_that_only_copies_others_is_odd():
    check = Repetition()
    trusted = rows(range(1000), source=[f"s{i % 20}" for i in range(1000)])
    names = [f"n{i}" for i in range(30)]
    stream = rows([*names, *names], source=["honest"] * 30 + ["parrot"] * 30)
    door, _, _ = after(check, check.start(trusted), stream)
    assert (door[:30] == 0).all()
    assert door[-1] > 3.3


def test_slow_copies_are_not_seen():
    check = Repetition(span=100)
    state = check.start(fresh(1000))
    for turn in range(20):
        stream = rows([*range(10**4 * (turn + 1), 10**4 * (turn + 1) + 400), "same"])
        door, close, state = after(check, state, stream)
        assert door[-1] < 3.3
        assert close[-1] < 3.3


def test_what_is_remembered_does_not_grow_with_the_stream():
    check = Repetition(span=200)
    state = check.start(fresh(1000))
    sizes = []
    for turn in range(30):
        _, _, state = after(check, state, fresh(300, start=10**5 + 300 * turn))
        sizes.append(len(state.content.keys) + len(state.content.old_keys))
    assert max(sizes) <= 600


def test_the_reason_says_how_often():
    check = Repetition()
    stream = rows(["same"] * 40)
    _, state = check.judge(stream, check.start(fresh(500)))
    assert "40 times" in check.explain(stream, 39, state)
