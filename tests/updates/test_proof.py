"""Bounds on how much worse a model is hold as often as they say."""

import numpy as np
import pytest
from scipy.stats import binomtest

from foretaste.updates.proof import loss_between, share_between


@pytest.mark.parametrize(
    ("lost", "won", "n"), [(0.03, 0.03, 1000), (0.05, 0.01, 300), (0.2, 0.1, 100)]
)
def test_each_bound_holds_as_often_as_it_says(lost, won, n):
    rng, above, below = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        chance = rng.random(n)
        found = loss_between(~((chance >= lost) & (chance < lost + won)), chance >= lost, 0.95)
        above += found.high >= lost - won
        below += found.low <= lost - won
    assert 0.93 < above / 1000 < 0.98
    assert 0.92 < below / 1000 < 0.98


def test_models_that_never_differ_are_proved_alike_only_by_many_rows():
    few, many = np.ones(50, bool), np.ones(5000, bool)
    assert loss_between(few, few, 0.95).high > 0.02
    assert loss_between(many, many, 0.95).high < 0.001


def test_no_rows_prove_nothing():
    nothing = np.zeros(0, bool)
    assert loss_between(nothing, nothing, 0.95) == (-1.0, 0.0, 1.0)
    assert share_between(0, 0, 0.95) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("won", [0, 500])
def test_everything_lost_or_won_is_within_bounds(won):
    old, new = np.arange(500) >= won, np.arange(500) < won
    low, value, high = loss_between(old, new, 0.95)
    assert -1 <= low <= value <= high <= 1


@pytest.mark.parametrize("hits", [0, 3, 50, 100])
def test_a_share_has_the_exact_bounds_of_another_library(hits):
    low, value, high = share_between(hits, 100, 0.95)
    other = binomtest(hits, 100).proportion_ci(0.90, "exact")
    assert (low, value, high) == pytest.approx((other.low, hits / 100, other.high))
