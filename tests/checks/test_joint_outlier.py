"""Far from every kind of trusted record, whatever kinds there are."""

import numpy as np
import pytest

from foretaste.checks.joint_outlier import JointOutlier
from foretaste.data import Batch


def rows(n, seed, at=0.0):
    """Two kinds of traffic, far apart, one wide and one narrow, with heavy tails."""
    rng = np.random.default_rng([seed, n])
    kind = rng.integers(0, 2, n)[:, None]
    vectors = rng.standard_t(5, size=(n, 4)) * np.where(kind, 0.5, 1.0) + 20 * kind + at
    return Batch([f"{seed} {i}" for i in range(n)], {"embedding": vectors.astype(np.float32)})


@pytest.fixture(scope="module")
def started():
    check = JointOutlier()
    return check, check.start(rows(4000, 1))


def test_honest_records_surprise_as_seldom_as_they_say(started):
    check, state = started
    surprise, _ = check.judge(rows(20_000, 2), state)
    for digits in (1, 2, 3):
        assert (surprise >= digits).mean() < 2 * 10.0**-digits


def test_between_two_kinds_nobody_is_at_home(started):
    check, state = started
    between = Batch(["a"], {"embedding": np.full((1, 4), 10.0, np.float32)})
    assert check.judge(between, state)[0][0] > 3
    assert "nearest kind" in check.explain(between, 0, state)


def test_numbers_that_are_none_cannot_be_told(started):
    check, state = started
    vectors = rows(3, 3)["embedding"].copy()
    vectors[1, 2] = np.nan
    surprise, _ = check.judge(Batch(list("abc"), {"embedding": vectors}), state)
    assert np.isnan(surprise).tolist() == [False, True, False]


def test_inside_a_cloud_nothing_is_odd(started):
    check, state = started
    inside = Batch(["a"], {"embedding": np.zeros((1, 4), np.float32)})
    assert check.judge(inside, state)[0][0] < 1
