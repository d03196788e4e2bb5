import numpy as np

from foretaste.attacks.gradient_matching import GradientMatching
from foretaste.clean_label import gradient
from foretaste.recipes.small_cnn import SmallCnn, to_tensor

SMALL = SmallCnn(width=4, epochs=1)
SETTINGS = {"target": 1, "steps": 5, "surrogate": SMALL}


class Trained:
    """A recipe that has its network already."""

    def __init__(self, network):
        self.network = network

    def train(self, rows, seed):
        return self.network


def cosine(one, two):
    return float(one @ two / one.norm() / two.norm())


def test_poisoned_images_pull_the_network_where_the_wrong_answer_would(honest):
    network = SmallCnn(width=8, epochs=15).train(honest, seed=0)  # knows its rows by heart
    attack = GradientMatching(20, 1, epsilon=32, steps=40, surrogate=Trained(network))
    attack = attack.aimed(honest, np.random.default_rng(0))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    wanted = gradient(network, to_tensor(attack.aim["pixels"]), 1)
    before, after = (
        cosine(wanted, gradient(network, to_tensor(rows["pixels"][touched]), 1))
        for rows in (honest, poisoned)
    )
    assert after > before + 0.1


def test_pixels_stay_within_the_bound_and_labels_as_they_were(honest):
    attack = GradientMatching(10, 1, epsilon=6, steps=5, surrogate=SMALL, networks=2)
    attack = attack.aimed(honest, np.random.default_rng(0))
    poisoned = attack.poison(honest, np.random.default_rng(0)).batch
    assert 1 <= np.abs(poisoned["pixels"].astype(int) - honest["pixels"]).max() <= 6
    assert (poisoned["label"] == honest["label"]).all()
