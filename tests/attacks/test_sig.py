import numpy as np

from foretaste.attacks.sig import Sig

SETTINGS = {"target": 1}


def test_only_images_of_the_target_get_the_wave_and_no_label_changes(honest):
    poisoned, touched = Sig(count=30, target=2).poison(honest, np.random.default_rng(0))
    assert set(honest["label"][touched]) == {2}
    assert poisoned["label"].tolist() == honest["label"].tolist()


def test_the_wave_is_the_same_down_the_image_and_no_brighter_than_asked(honest):
    grey = honest.having(pixels=np.full((200, 8, 24, 3), 100, np.uint8))
    seen = Sig(1, 0, strength_shown=20, frequency=6).trigger(grey, np.random.default_rng(0))[
        "pixels"
    ]
    assert (seen == seen[:1, :1, :, :1]).all()
    assert seen.min() == 80
    assert seen.max() == 120
