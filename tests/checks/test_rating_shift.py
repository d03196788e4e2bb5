"""An item that newcomers rate otherwise than others."""

import numpy as np
import pytest

from foretaste.checks.rating_shift import RatingShift
from foretaste.data import Batch

BAR = 3.3


def ratings(n, seed, name="u", items=20):
    rng = np.random.default_rng(seed)
    return Batch(
        [f"{name}{seed}-{i}" for i in range(n)],
        {
            "user": [f"{name}{seed}-{i}" for i in range(n)],
            "item": [f"i{i}" for i in rng.integers(0, items, n)],
            "rating": np.clip(np.round(rng.normal(3.3, 1.1, n)), 1, 5),
        },
    )


def crowd(n, rating, item="i3", name="guest"):
    users = [f"{name} {i}" for i in range(n)]
    return Batch(users, {"user": users, "item": [item] * n, "rating": [float(rating)] * n})


@pytest.fixture
def state():
    return RatingShift().start(ratings(4000, seed=1))


@pytest.mark.parametrize("rating", [1, 5])
def test_a_crowd_at_one_end_of_the_scale_is_pulled(state, rating):
    rows = crowd(14, rating)
    assert (RatingShift().settle(rows, np.ones(14, bool), state) >= BAR).all()
    assert "of" in RatingShift().explain(rows, 0, state)


def test_honest_newcomers_are_let_in(state):
    check, held = RatingShift(), []
    for seed in range(10, 22):
        rows = ratings(400, seed)
        held.append((check.settle(rows, np.ones(400, bool), state) >= BAR).mean())
        state = check.learn(rows, np.ones(400, bool), state)
    assert np.mean(held) < 0.002


def test_an_item_that_becomes_popular_is_no_shift(state):
    rows = ratings(300, seed=5).having(item=["i3"] * 300)
    assert not (RatingShift().settle(rows, np.ones(300, bool), state) >= BAR).any()


def test_a_crowd_that_comes_over_several_windows_adds_up(state):
    check = RatingShift()
    for at in range(6):
        rows = crowd(3, 5, name=f"slow {at}")
        last = check.settle(rows, np.ones(3, bool), state)
        assert at or not last.any()
        state = check.learn(rows, np.ones(3, bool), state)
    assert (last >= BAR).all()


def test_a_rating_short_of_the_end_is_not_seen(state):
    rows = crowd(14, 4)
    assert not RatingShift().settle(rows, np.ones(14, bool), state).any()


def test_an_item_nobody_rated_before_says_nothing(state):
    rows = crowd(14, 5, item="unheard of")
    assert not (RatingShift().settle(rows, np.ones(14, bool), state) >= BAR).any()
