"""The exact nearest neighbours, beside the slow obvious way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from foretaste.summaries import neighbours as module
from foretaste.summaries.neighbours import NOBODY, neighbours, self_join


def obvious(points, queries, metric):
    distances = cdist(queries, points, metric)
    return np.sort(distances, axis=1)


@pytest.fixture(params=["cosine", "euclidean"])
def metric(request):
    return request.param


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 60), q=st.integers(0, 20), d=st.integers(1, 6), k=st.integers(1, 8),
    metric=st.sampled_from(["cosine", "euclidean"]), seed=st.integers(0, 9),
)  # fmt: skip
def test_blocks_of_any_size_find_what_the_obvious_way_finds(n, q, d, k, metric, seed):
    rng = np.random.default_rng(seed)
    points, queries = rng.standard_normal((n, d)) + 2, rng.standard_normal((q, d)) + 2
    size, module.BLOCK = module.BLOCK, 7
    try:
        found = neighbours(points, queries, k, metric)
    finally:
        module.BLOCK = size
    m = min(n, k)
    np.testing.assert_allclose(
        found.distances[:, :m], obvious(points, queries, metric)[:, :m], atol=2e-6
    )
    assert (found.indices[:, m:] == NOBODY).all()
    assert np.isinf(found.distances[:, m:]).all()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 60), d=st.integers(2, 6), k=st.integers(1, 8),
    metric=st.sampled_from(["cosine", "euclidean"]), seed=st.integers(0, 9),
)  # fmt: skip
def test_the_self_join_leaves_out_each_point_itself(n, d, k, metric, seed):
    points = np.random.default_rng(seed).standard_normal((n, d))
    size, module.BLOCK = module.BLOCK, 7
    try:
        found = self_join(points, k, metric)
    finally:
        module.BLOCK = size
    m = min(n - 1, k)
    np.testing.assert_allclose(
        found.distances[:, :m], obvious(points, points, metric)[:, 1 : m + 1], atol=2e-6
    )
    assert not (found.indices == np.arange(n)[:, None]).any()
    assert (found.indices[:, m:] == NOBODY).all()


def test_copies_are_at_distance_zero_even_far_from_the_origin(metric):
    far = {"cosine": 1, "euclidean": 1000}[metric]
    points = np.random.default_rng(0).standard_normal((300, 16)) + far
    found = self_join(np.concatenate([points, points]), 1, metric)
    assert found.distances.max() == 0
    np.testing.assert_array_equal(found.indices.ravel(), (np.arange(600) + 300) % 600)


def test_no_points_and_no_queries_are_no_crash(metric):
    nobody = neighbours(np.zeros((0, 3)), np.ones((2, 3)), 2, metric)
    assert (nobody.indices == NOBODY).all()
    assert neighbours(np.ones((2, 3)), np.zeros((0, 3)), 2, metric).indices.shape == (0, 2)
    assert self_join(np.zeros((0, 3)), 2, metric).indices.shape == (0, 2)
