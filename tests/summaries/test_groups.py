"""Pairs and the groups they make."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foretaste.summaries.groups import connected, sharing, unique_pairs

keys = st.lists(st.integers(0, 6), max_size=40).map(lambda one: np.array(one, np.uint64))


@given(keys)
def test_sharing_a_key_connects_exactly_the_points_that_share_it(one):
    groups = connected(len(one), sharing(one))
    for a in range(len(one)):
        for b in range(len(one)):
            assert (groups[a] == groups[b]) == (one[a] == one[b])


@given(keys)
def test_pairs_are_few_sorted_and_never_of_one_point(one):
    pairs = sharing(one)
    assert len(pairs) <= 2 * len(one)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_no_points_and_no_pairs_are_no_crash():
    assert connected(0, np.empty((0, 2), np.int64)).shape == (0,)
    assert connected(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]
    assert unique_pairs(np.empty((0, 2), np.int64), 0).shape == (0, 2)
