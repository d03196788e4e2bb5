import numpy as np

from foretaste.attacks.blended import Blended

SETTINGS = {"target": 1}


def test_every_image_gets_the_same_faint_picture(honest):
    black = honest.having(pixels=np.zeros((200, 8, 8, 3), np.uint8))
    poisoned, touched = Blended(count=30, target=0).poison(black, np.random.default_rng(0))
    laid = poisoned["pixels"][touched]
    assert (laid == laid[0]).all()
    assert 0 < laid.max() <= round(0.15 * 255)
