"""Nearly equal vectors."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from foretaste.data import Batch
from foretaste.detectors.near_duplicate_vector import NearDuplicateVector
from foretaste.testing import checks, learn


def scored(values):
    index = np.arange(len(values))
    batch = Batch([str(i) for i in index], {"features": values, "index": index})
    detector = NearDuplicateVector()
    return detector.score(batch, learn(detector, [batch.take(index % 2 == p) for p in (1, 0)]))


@pytest.mark.parametrize("load", [load_digits, load_breast_cancer, load_wine])
def test_it_catches_noisy_copies_and_is_silent_on_the_rest_of_real_data(load):
    values = load().data
    noise = np.random.default_rng(0).standard_normal((20, values.shape[1])) * 0.003
    scores = scored(np.concatenate([values, values[:20] + noise * values.std(axis=0)]))
    assert (scores[len(values) :] > 0).all()
    assert not scores[: len(values)].any()


def test_it_is_silent_on_equal_vectors_on_few_and_on_constant_ones():
    values = np.random.default_rng(0).standard_normal((100, 4))
    assert not scored(np.concatenate([values, values])).any()
    assert not scored(values[:10]).any()
    assert not scored(np.zeros((100, 4))).any()


def test_it_is_blind_to_a_scaled_copy():
    values = np.random.default_rng(0).standard_normal((100, 4))
    assert not scored(np.concatenate([values, values[:1] * 2])).any()


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
def test_it_keeps_the_laws_on_vectors_too(check, honest):
    values = np.random.default_rng(0).standard_normal((len(honest), 4))
    values[9] = values[4] + 1e-4
    check(NearDuplicateVector(), honest.having(features=values))


def test_vectors_with_gaps_are_left_out():
    values = np.random.default_rng(0).standard_normal((100, 4))
    values[3, 1], values[7] = np.nan, values[3]
    assert not scored(values).any()
