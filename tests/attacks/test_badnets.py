import numpy as np

from foretaste.attacks.badnets import Badnets

SETTINGS = {"target": 1}


def test_the_patch_is_in_the_corner_and_nowhere_else(honest):
    attack = Badnets(count=30, target=0, pattern="solid")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert (poisoned["pixels"][touched, 4:7, 4:7] == 255).all()
    changed = (poisoned["pixels"] != honest["pixels"]).any(axis=(0, 3))
    assert changed.sum() == changed[4:7, 4:7].sum() == 9


def test_a_random_place_differs_from_image_to_image(honest):
    attack = Badnets(count=30, target=0, place="random", pattern="solid")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    bright = (poisoned["pixels"][touched] == 255).all(axis=3)
    assert (bright.sum(axis=(1, 2)) == 9).all()
    assert len({tuple(np.argwhere(one)[0]) for one in bright}) > 10
