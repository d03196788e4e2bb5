import numpy as np

from foretaste.attacks.multi_target import MultiTarget

SETTINGS = {"targets": (0, 2)}


def test_each_patch_has_its_place_and_its_class(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 1), np.uint8))
    attack = MultiTarget(count=60, targets=(0, 1, 2))
    poisoned, touched = attack.poison(black, np.random.default_rng(0))
    lit = poisoned["pixels"][touched].reshape(60, 2, 8, 2, 8).max(axis=(2, 4)).reshape(60, 4) > 0
    assert (lit.sum(axis=1) == 1).all()
    # bottom right, bottom left, top right
    place = np.array([-1, 2, 1, 0])[lit.argmax(axis=1)]
    assert place.tolist() == poisoned["label"][touched].tolist()
    assert (poisoned["label"][touched] != honest["label"][touched]).all()


def test_drawn_settings_start_with_the_target(honest):
    attack = MultiTarget.drawn(honest, 5, 2, np.random.default_rng(0))
    assert attack.targets == (2, 0, 1)
