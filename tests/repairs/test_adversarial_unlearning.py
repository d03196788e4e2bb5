import numpy as np

from foretaste.repairs.adversarial_unlearning import AdversarialUnlearning
from tests.repairs.images import accuracy, backdoored, honest, images, success


def mended(victim):
    return AdversarialUnlearning().mend(victim, images(150, 3), np.random.default_rng(0)).victim


def test_a_planted_backdoor_goes_and_the_accuracy_stays():
    before = success(backdoored())
    after = mended(backdoored())
    assert before >= 0.9
    assert success(after) <= 0.05
    assert accuracy(after) >= accuracy(backdoored()) - 0.02


def test_a_clean_model_stays_as_good_as_it_was():
    assert accuracy(mended(honest())) >= accuracy(honest()) - 0.02


def test_the_model_given_is_left_as_it_was_and_the_same_chance_gives_the_same_model():
    before = backdoored().weights
    one, other = mended(backdoored()).weights, mended(backdoored()).weights
    for name, weight in backdoored().weights.items():
        np.testing.assert_array_equal(weight, before[name])
        np.testing.assert_array_equal(one[name], other[name])
