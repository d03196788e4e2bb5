import numpy as np
import pytest

from foretaste.attacks.feature_collision import FeatureCollision
from foretaste.errors import BadInput
from foretaste.recipes.small_cnn import SmallCnn

SMALL = SmallCnn(width=4, epochs=1)
SETTINGS = {"target": 1, "steps": 5, "surrogate": SMALL}


class Trained:
    """A recipe that has its network already: white box."""

    def __init__(self, network):
        self.network = network

    def train(self, rows, seed):
        return self.network


def test_pixels_stay_within_the_bound_and_labels_as_they_were(honest):
    attack = FeatureCollision(10, 1, epsilon=6, steps=5, surrogate=SMALL)
    attack = attack.aimed(honest, np.random.default_rng(0))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    moved = poisoned["pixels"].astype(int) - honest["pixels"]
    assert 1 <= np.abs(moved).max() <= 6
    assert (poisoned["label"] == honest["label"]).all()
    assert (poisoned["label"][touched] == 1).all()


def test_every_poisoned_image_comes_nearer_to_the_aim_among_features(honest):
    network = SMALL.train(honest, seed=0)
    attack = FeatureCollision(10, 1, epsilon=16, steps=40, surrogate=Trained(network))
    attack = attack.aimed(honest, np.random.default_rng(0))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    place = network.features(attack.aim["pixels"])
    before, after = (
        np.linalg.norm(network.features(rows["pixels"][touched]) - place, axis=1)
        for rows in (honest, poisoned)
    )
    assert (after < before).all()


def test_without_an_aim_it_says_how_to_get_one(honest):
    with pytest.raises(BadInput, match="aimed"):
        FeatureCollision(10, 1, surrogate=SMALL).poison(honest, np.random.default_rng(0))


def test_the_aim_is_never_of_the_target_class(honest):
    for seed in range(10):
        attack = FeatureCollision(1, 1).aimed(honest, np.random.default_rng(seed))
        assert attack.aim["label"][0] != 1
    with pytest.raises(BadInput, match="to aim at"):
        attack.aimed(honest.take(honest["label"] == 1), np.random.default_rng(0))
