"""Counting surprising records in groups."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foretaste.data import Batch
from foretaste.summaries.excess import blamed, excess, sources


def calm(n, seed):
    return -np.log10(np.random.default_rng(seed).random(n))


def test_honest_groups_surprise_as_seldom_as_they_say():
    found = [excess(calm(200, seed), np.zeros(200, int), 1.0)[0][0] for seed in range(1000)]
    assert np.mean(np.array(found) >= 1) <= 0.1
    assert np.mean(np.array(found) >= 2) <= 0.015


def test_who_is_in_no_group_is_not_blamed():
    found = blamed(np.full(50, 5.0), (np.full(50, -1),), 2.0)
    assert (found == 0).all()


def test_who_cannot_be_told_counts_as_surprising():
    surprise = np.concatenate([np.full(30, np.nan), np.zeros(970)])
    assert (blamed(surprise, (np.zeros(1000, int),), 2.0)[:30] > 3).all()


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(-1, 4)), max_size=60))
def test_there_is_an_answer_for_every_group(pairs):
    surprise = np.array([one for one, _ in pairs], float)
    group = np.array([one for _, one in pairs], np.int64)
    found, least = excess(surprise, group, 2.0)
    assert len(found) == len(least) == max((g for _, g in pairs), default=-1) + 1
    assert (found >= 0).all()


def test_senders_are_codes_and_nobody_is_none():
    window = Batch(list("abc"), {"source": ["ann", "bob", "ann"]})
    assert sources(window).tolist() == [0, 1, 0]
    assert sources(Batch(list("ab"), {})).tolist() == [-1, -1]
