"""Small models of handwritten digits, with a backdoor and without, for tests of inspectors."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from foretaste import attacks
from foretaste.attacks.all_to_all import AllToAll
from foretaste.attacks.badnets import Badnets
from foretaste.attacks.blended import Blended
from foretaste.attacks.wanet import Wanet
from foretaste.data import Batch
from foretaste.recipes.small_cnn import SmallCnn

TARGET = 3
ATTACKS = {
    "patch": Badnets(count=150, target=TARGET, size=2, pattern="solid"),
    "blended": Blended(count=200, target=TARGET, alpha=0.3),
    "all to all": AllToAll(count=750, size=3, pattern="solid"),
    "warp": Wanet(count=500, target=TARGET, strength=1.0),
}


@cache
def digits():
    """1,797 images of 8 x 8 in ten classes, that come with scikit-learn."""
    bunch = load_digits()
    pixels = np.rint(bunch.images * 15.9).astype(np.uint8)[..., None]
    names = [f"digit {i}" for i in range(10)]
    return Batch(range(len(pixels)), {"pixels": pixels, "label": bunch.target}, names)


def clean_rows():
    """Rows that no model here was trained on."""
    return digits().take(np.arange(1_500, 1_797))


@cache
def model(attack=None, seed=0):
    """Trained once for all tests; nobody may change it."""
    rows = digits().take(np.arange(1_500))
    if attack is not None:
        rows = ATTACKS[attack].poison(rows, np.random.default_rng(seed)).batch
    return SmallCnn(width=8, epochs=4).train(rows, seed=seed)


def success(attack):
    probe = attacks.probe(ATTACKS[attack], clean_rows(), np.random.default_rng(1))
    return probe.hit(model(attack).predict(probe.rows)).mean()
