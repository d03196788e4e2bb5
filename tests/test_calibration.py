"""A p-value means what it says, a rate is kept, a bound holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control

from foretaste.calibration import (
    benjamini_hochberg,
    clean_among,
    clean_by_rank,
    combine,
    conformal,
    fit_null,
)

HEAVY = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "chi-squared": lambda rng, n: rng.chisquare(3, n),
    "student": lambda rng, n: np.abs(rng.standard_t(4, n)),
    "log-normal": lambda rng, n: rng.lognormal(size=n),
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_fitted_null_accuses_almost_none_of_clean_rows_however_heavy_their_tail(name):
    rng = np.random.default_rng(1)
    false = []
    for _ in range(10):
        scores = HEAVY[name](rng, 10_000)
        false.append(benjamini_hochberg(fit_null(scores).p_values(scores), 0.01).sum())
    assert np.mean(false) <= 3


def test_a_fitted_null_is_not_stretched_by_poison_that_stands_apart():
    rng = np.random.default_rng(2)
    scores = np.concatenate([rng.exponential(size=9_700), 40 + rng.exponential(size=300)])
    flagged = benjamini_hochberg(fit_null(scores).p_values(scores), 0.01)
    assert flagged[9_700:].all()
    assert flagged[:9_700].sum() <= 6


@pytest.mark.parametrize("scores", [[], [1.0], [2.0] * 50, [np.nan] * 30, [0.0] * 99 + [5.0]])
def test_a_null_of_next_to_nothing_accuses_nobody(scores):
    scores = np.array(scores, dtype=float)
    p = fit_null(scores).p_values(scores)
    assert not benjamini_hochberg(p, 0.001).any()


@given(arrays(float, st.integers(1, 60), elements=st.floats(0, 1)), st.floats(0.001, 0.3))
def test_benjamini_hochberg_agrees_with_scipy(p_values, alpha):
    ours = benjamini_hochberg(p_values, alpha)
    theirs = false_discovery_control(p_values) <= alpha
    close = np.isclose(false_discovery_control(p_values), alpha, rtol=1e-9)
    assert (ours == theirs)[~close].all()


@given(arrays(float, st.integers(1, 40), elements=st.floats(-5, 5)))
def test_conformal_p_values_fall_as_scores_rise_and_are_never_nought(scores):
    p = conformal(scores, np.array([0.0, 1.0, 2.0]))
    assert (p > 0).all()
    assert (p <= 1).all()
    order = np.argsort(scores)
    assert (np.diff(p[order]) <= 0).all()


def test_conformal_p_values_of_clean_rows_are_uniform():
    rng = np.random.default_rng(3)
    p = np.concatenate(
        [conformal(rng.standard_normal(50), rng.standard_normal(99)) for _ in range(200)]
    )
    for level in (0.01, 0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 0.02


def test_combined_p_values_keep_their_level_when_detectors_agree():
    rng = np.random.default_rng(4)
    shared = rng.standard_normal((200_000, 1))
    from scipy.stats import norm

    z = 0.8 * shared + 0.6 * rng.standard_normal((200_000, 5))
    joint = combine(norm.sf(z))
    assert (joint <= 0.001).mean() < 0.002


@settings(max_examples=50)
@given(arrays(float, (8, 4), elements=st.floats(1e-300, 1)))
def test_one_loud_detector_is_not_outvoted_by_silent_ones(p_values):
    joint = combine(p_values)
    assert (joint <= 4.01 * p_values.min(axis=1) + 1e-12).all()


def test_what_no_detector_can_tell_stays_unknown():
    assert np.isnan(combine(np.array([[np.nan, np.nan]])))[0]
    assert not benjamini_hochberg(np.array([np.nan]), 0.5).any()


def test_the_bound_on_clean_rows_holds_for_all_cuts_at_once():
    rng = np.random.default_rng(5)
    broken = 0
    for _ in range(300):
        p = np.sort(rng.random(1_000))
        broken += (np.arange(1, 1_001) > clean_among(p, p)).any()
    assert broken / 300 <= 0.07


@pytest.mark.parametrize(("n", "m"), [(300, 50), (100, 400)])
def test_the_exact_bound_holds_for_all_cuts_at_once(n, m):
    rng = np.random.default_rng(6)
    broken = 0
    for _ in range(300):
        p, trusted = np.sort(rng.random(n)), rng.random(m)
        broken += (np.arange(1, n + 1) > clean_by_rank(p, trusted, p)).any()
    assert broken / 300 <= 0.08
