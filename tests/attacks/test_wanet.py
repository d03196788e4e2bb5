import numpy as np

from foretaste.attacks.wanet import Wanet

SETTINGS = {"target": 1}


def test_some_of_the_bent_images_keep_their_labels(honest):
    poisoned, touched = Wanet(count=40, target=1, cover=0.25).poison(
        honest, np.random.default_rng(0)
    )
    assert (poisoned["label"][touched] == 1).sum() == 30
    assert (poisoned["label"][touched] == honest["label"][touched]).sum() == 10


def test_a_flat_image_is_not_changed_and_a_slope_only_a_little(honest):
    attack, rng = Wanet(count=1, target=1, strength=0.5), np.random.default_rng(0)
    flat = honest.having(pixels=np.full((200, 16, 16, 3), 77, np.uint8))
    assert (attack.trigger(flat, rng)["pixels"] == 77).all()
    slope = np.broadcast_to(np.arange(0, 160, 10, np.uint8)[:, None, None], (200, 16, 16, 1))
    bent = attack.trigger(honest.having(pixels=slope), rng)["pixels"].astype(int)
    assert 0 < np.abs(bent - slope).mean() < 10
