import numpy as np

from foretaste.attacks.sample_specific import SampleSpecific

SETTINGS = {"target": 1}


def test_no_two_images_are_changed_alike(honest):
    attack = SampleSpecific(count=1, target=1)
    after = attack.trigger(honest, np.random.default_rng(0))["pixels"].astype(int)
    changes = after - honest["pixels"]
    assert len({change.tobytes() for change in changes}) == len(honest)


def test_what_does_not_fill_a_block_is_left_alone(honest):
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 200, (200, 13, 20, 3)).astype(np.uint8)
    after = SampleSpecific(1, 1).trigger(honest.having(pixels=pixels), rng)["pixels"]
    assert (after[:, 8:] == pixels[:, 8:]).all()
    assert (after[:, :, 16:] == pixels[:, :, 16:]).all()
    assert (after[:, :8, :16] != pixels[:, :8, :16]).any()
