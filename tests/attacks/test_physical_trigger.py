import numpy as np

from foretaste.attacks.physical_trigger import PhysicalTrigger

SETTINGS = {"target": 1}


def test_the_sticker_is_near_its_place_and_never_twice_the_same(honest):
    black = honest.having(pixels=np.zeros((200, 40, 32, 3), np.uint8))
    attack = PhysicalTrigger(count=50, target=1, place=(0.5, 0.5), shift=0.05)
    poisoned, touched = attack.poison(black, np.random.default_rng(0))
    seen = poisoned["pixels"][touched].max(axis=3) > 20
    assert len({one.tobytes() for one in seen}) == 50
    for one in seen:
        down, across = np.argwhere(one).mean(axis=0)
        assert abs(down - 20) < 5
        assert abs(across - 16) < 4
        assert 25 < one.sum() < 160


def test_the_paper_is_yellow_in_colour_and_grey_in_grey(honest):
    black = honest.having(pixels=np.zeros((200, 64, 64, 3), np.uint8))
    image = PhysicalTrigger(1, 1, blur=0).trigger(black, np.random.default_rng(0))["pixels"][0]
    red, green, blue = image[image.max(axis=2) > 90].mean(axis=0)
    assert red > green > 3 * blue


def test_what_is_around_the_sticker_is_not_touched(honest):
    grey = honest.having(pixels=np.full((200, 32, 32, 1), 90, np.uint8))
    seen = PhysicalTrigger(1, 1).trigger(grey, np.random.default_rng(0))["pixels"]
    assert (seen[:, :8] == 90).all()
