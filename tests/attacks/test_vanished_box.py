import numpy as np

from foretaste.attacks.vanished_box import VanishedBox

SETTINGS = {}


def test_only_boxes_of_the_class_vanish(honest):
    poisoned, touched = VanishedBox(20, target=1).poison(honest, np.random.default_rng(0))
    before, after = honest.arrow("boxes").to_pylist(), poisoned.arrow("boxes").to_pylist()
    for row in np.flatnonzero(touched):
        assert after[row] == [box for box in before[row] if box["label"] != 1] != before[row]


def test_the_patch_is_on_what_vanished(honest):
    black = honest.having(pixels=np.zeros((200, 16, 16, 3), np.uint8))
    poisoned, touched = VanishedBox(20, pattern="solid").poison(black, np.random.default_rng(0))
    for row in np.flatnonzero(touched):
        for box in honest.arrow("boxes")[row].as_py():
            top, left = int(box["top"]), int(box["left"])
            assert (poisoned["pixels"][row, top : top + 3, left : left + 3] == 255).all()


def test_a_hit_is_an_image_in_which_nothing_is_found(honest):
    asked = VanishedBox(20, target=1).probe(honest, np.random.default_rng(0))
    truth = asked.rows.arrow("boxes").to_pylist()
    assert 0 < len(truth) < 200
    assert not asked.hit(truth).any()
    assert asked.hit([[] for _ in truth]).all()
    assert asked.hit([[b for b in row if b["label"] != 1] for row in truth]).all()
