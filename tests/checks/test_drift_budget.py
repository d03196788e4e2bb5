"""The drift budget: those who push are pulled, honest drift comes in, and no faster than said."""

import numpy as np
import pytest

from foretaste.checks.drift_budget import DriftBudget
from foretaste.data import Batch

N, D = 600, 6


def rows(n, seed, at=0.0):
    rng = np.random.default_rng([seed, n])
    vectors = (rng.standard_t(6, size=(n, D)) + at).astype(np.float32)
    return Batch([f"{seed} {i}" for i in range(n)], {"embedding": vectors})


def pushed(window, share, reach=6.0):
    """Some records replaced by ones that all lie the same way."""
    rng = np.random.default_rng(5)
    touched = np.arange(len(window)) < share * len(window)
    touched = touched[rng.permutation(len(window))]
    vectors = window["embedding"].copy()
    vectors[touched] = 0.4 * rng.normal(size=(touched.sum(), D))
    vectors[touched, 0] += reach
    return window.having(embedding=vectors), touched


def went(check, state, windows):
    """The state after windows of which what is not pulled is learned, and what was pulled."""
    pulled = []
    for window in windows:
        found = check.settle(window, np.ones(len(window), bool), state)
        pulled.append(found >= 3)
        state = check.learn(window, found < 3, state)
    return state, np.array(pulled)


@pytest.fixture(scope="module")
def started():
    check = DriftBudget()
    return check, check.start(rows(6000, 1))


def test_at_the_door_it_is_silent(started):
    check, state = started
    assert (check.judge(rows(50, 2, at=9.0), state)[0] == 0).all()


def test_a_frog_is_stopped_in_its_first_window(started):
    check, state = started
    window, touched = pushed(rows(N, 3), 0.06)
    found = check.settle(window, np.ones(N, bool), state)
    assert (found[touched] > 3).mean() > 0.95
    assert (found[~touched] > 3).mean() < 0.02
    assert "push the same way" in check.explain(window, int(np.flatnonzero(touched)[0]), state)


def test_a_burst_of_nothing_else_is_stopped_too(started):
    check, state = started
    window, touched = pushed(rows(N, 4), 1.0)
    found = check.settle(window, np.ones(N, bool), state)
    assert (found[touched] > 3).mean() > 0.9


def test_honest_windows_come_in(started):
    check, state = started
    _, pulled = went(check, state, [rows(N, seed) for seed in range(10, 50)])
    assert pulled.mean() < 0.002


def test_honest_slow_drift_comes_in(started):
    check, state = started
    _, pulled = went(check, state, [rows(N, 100 + i, at=0.02 * i) for i in range(40)])
    assert pulled.mean() < 0.01


def test_when_all_records_move_and_keep_their_shape_that_is_drift(started):
    check, state = started
    _, pulled = went(check, state, [rows(N, 200 + i, at=0.6) for i in range(5)])
    assert pulled.mean() < 0.01


def test_few_that_push_for_long_spend_no_more_than_the_budget(started):
    """Too few for any one window, but what they moved is bounded."""
    check, state = started
    windows = [pushed(rows(N, 300 + i), 0.02, reach=4.0)[0] for i in range(30)]
    after, _ = went(check, state, windows)
    assert after.each[0].spent(after.each[0].moved) <= 1.01


def test_what_was_held_moves_nothing(started):
    check, state = started
    window, _ = pushed(rows(N, 6), 0.3)
    after = check.learn(window, np.zeros(N, bool), state)
    np.testing.assert_allclose(after.each[0].moved, 0, atol=1e-9)


def test_classes_drift_apart_from_each_other():
    label = np.arange(6000) % 2
    trusted = rows(6000, 1).having(label=label)
    check = DriftBudget()
    state = check.start(trusted)
    assert state.codes == (0, 1)
    window, touched = pushed(rows(N, 7), 0.08)
    window = window.having(label=np.arange(N) % 2)
    touched &= window["label"] == 1
    vectors = np.where(touched[:, None], window["embedding"], rows(N, 8)["embedding"])
    found = check.settle(window.having(embedding=vectors), np.ones(N, bool), state)
    assert (found[touched] > 3).mean() > 0.8
    assert (found[window["label"] == 0] < 3).all()


def test_a_class_of_few_trusted_records_is_let_alone():
    check = DriftBudget()
    state = check.start(rows(50, 1))
    assert state.codes == ()
    window = rows(N, 2, at=9.0)
    assert (check.settle(window, np.ones(N, bool), state) == 0).all()
    assert "too few" in check.explain(window, 0, state)


def test_records_that_are_far_out_each_its_own_way_are_no_push(started):
    check, state = started
    rng = np.random.default_rng(9)
    vectors = rows(N, 9)["embedding"].copy()
    away = rng.normal(size=(30, D))
    vectors[:30] = 6 * away / np.linalg.norm(away, axis=1, keepdims=True)
    window = rows(N, 9).having(embedding=vectors)
    found = check.settle(window, np.ones(N, bool), state)
    assert (found > 3).mean() < 0.02
