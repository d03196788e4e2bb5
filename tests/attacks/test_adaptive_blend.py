import numpy as np

from foretaste.attacks.adaptive_blend import AdaptiveBlend

SETTINGS = {"target": 1}


def test_half_of_the_pieces_show_and_half_of_the_rows_keep_their_label(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 3), np.uint8))
    attack = AdaptiveBlend(count=40, target=1, visible=0.5, cover=0.5)
    poisoned, touched = attack.poison(black, np.random.default_rng(0))
    assert (poisoned["label"][touched] == honest["label"][touched]).sum() == 20
    pieces = poisoned["pixels"][touched].reshape(40, 4, 4, 4, 4, 3).max(axis=(2, 4, 5)) > 0
    assert (pieces.sum(axis=(1, 2)) == 8).all()
    assert len({one.tobytes() for one in pieces}) > 30


def test_the_victim_is_shown_all_of_it_and_more_strongly(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 1), np.uint8))
    attack, rng = AdaptiveBlend(count=40, target=1), np.random.default_rng(0)
    poisoned, touched = attack.poison(black, rng)
    shown = attack.trigger(black, rng)["pixels"]
    assert (shown[0] >= poisoned["pixels"][touched].max(axis=0)).all()
    assert (shown == shown[0]).all()
