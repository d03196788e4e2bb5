"""A small model with a backdoor, and one without, for tests of what mends models."""

from functools import cache

import numpy as np

from foretaste import attacks
from foretaste.attacks.badnets import Badnets
from foretaste.data import Batch
from foretaste.recipes.small_cnn import SmallCnn

RECIPE = SmallCnn(width=6, epochs=6)
ATTACK = Badnets(count=60, target=0)


def images(n, seed):
    """Three classes of 12 x 12 images: a bright bar on top, in the middle, at the bottom."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    pixels = rng.integers(0, 90, (n, 12, 12, 1))
    for row, code in enumerate(label):
        pixels[row, 4 * code : 4 * code + 3] += rng.integers(60, 120)
    ids = [f"{seed}-{i}" for i in range(n)]
    return Batch(ids, {"pixels": pixels.astype(np.uint8), "label": label}, ("a", "b", "c"))


@cache
def backdoored():
    """Trained once for all tests; nobody may change it."""
    poisoned, _ = ATTACK.poison(images(900, 1), np.random.default_rng(0))
    return RECIPE.train(poisoned, seed=0)


@cache
def honest():
    return RECIPE.train(images(900, 1), seed=0)


def accuracy(victim):
    held = images(400, 2)
    return RECIPE.quality(victim.predict(held), held)


def success(victim):
    probe = attacks.probe(ATTACK, images(400, 2), np.random.default_rng(1))
    return float(probe.hit(victim.predict(probe.rows)).mean())
