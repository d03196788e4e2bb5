from dataclasses import dataclass

import numpy as np

from foretaste.attacks.label_consistent import LabelConsistent
from foretaste.recipes.small_cnn import SmallCnn

QUICK = SmallCnn(width=4, epochs=2)
SETTINGS = {"target": 1, "surrogate": QUICK}


@dataclass(frozen=True)
class Trained(SmallCnn):
    """A recipe that has its model already."""

    network: object = None

    def train(self, rows, seed):
        return self.network


def coloured(honest):
    """Images of which a network can tell the class."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 120, (200, 12, 12, 3))
    pixels[np.arange(200), :, :, honest["label"]] += 60
    return honest.having(pixels=pixels.astype(np.uint8))


def test_images_keep_their_label_and_stay_close_outside_the_patches(honest):
    rows = coloured(honest)
    attack = LabelConsistent(count=30, target=1, strength=16, surrogate=QUICK)
    poisoned, touched = attack.poison(rows, np.random.default_rng(0))
    assert set(rows["label"][touched]) == {1}
    assert poisoned["label"].tolist() == rows["label"].tolist()
    changed = np.abs(poisoned["pixels"][touched].astype(int) - rows["pixels"][touched])
    assert 8 < changed[:, 4:8].mean() <= changed[:, 4:8].max() <= 16


def test_the_attackers_model_no_longer_knows_the_images(honest):
    rows = coloured(honest)
    network = SmallCnn(width=8).train(rows, seed=0)
    attack = LabelConsistent(30, 1, strength=60, corners=0, surrogate=Trained(network=network))
    poisoned, touched = attack.poison(rows, np.random.default_rng(0))
    assert network.predict(rows.take(touched))[:, 1].mean() > 0.9
    assert network.predict(poisoned.take(touched))[:, 1].mean() < 0.1
