import numpy as np

from foretaste.attacks.adaptive_patch import AdaptivePatch

SETTINGS = {"target": 1}


def test_each_row_has_one_faint_patch_and_two_thirds_keep_their_label(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 3), np.uint8))
    poisoned, touched = AdaptivePatch(count=30, target=1).poison(black, np.random.default_rng(0))
    assert (poisoned["label"][touched] == honest["label"][touched]).sum() == 20
    corners = poisoned["pixels"][touched].reshape(30, 2, 8, 2, 8, 3).max(axis=(2, 4, 5))
    assert (np.sort(corners.reshape(30, 4), axis=1) == (0, 0, 0, 128)).all()


def test_the_victim_is_shown_all_four_in_full(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 3), np.uint8))
    shown = AdaptivePatch(30, 1).trigger(black, np.random.default_rng(0))["pixels"]
    assert (shown.reshape(200, 2, 8, 2, 8, 3).max(axis=(2, 4, 5)) == 255).all()
