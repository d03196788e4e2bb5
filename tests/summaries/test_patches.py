import numpy as np
import pytest

from foretaste.summaries import patches
from foretaste.summaries.recurring import Recurring


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (30, 12, 12, 3)).astype(np.uint8)


@pytest.mark.parametrize("view", ["coarse", "exact"])
def test_a_piece_has_the_same_key_wherever_it_is(noise, view):
    noise[1, 2:5, 3:6] = noise[0, 7:10, 1:4]
    keys = patches.keys(noise, view)
    assert keys[1, 2, 3] == keys[0, 7, 1] != 0


def test_a_placed_piece_has_the_same_key_only_at_its_place(noise):
    noise[1, 2:5, 3:6] = noise[0, 7:10, 1:4]
    noise[2, 2:5, 3:6] = noise[0, 7:10, 1:4]
    keys = patches.keys(noise, "placed")
    assert keys[1, 2, 3] == keys[2, 2, 3] != keys[0, 7, 1]


@pytest.mark.parametrize("size", patches.SQUARES)
@pytest.mark.parametrize("view", ["square", "tile"])
def test_a_lone_square_is_seen_at_its_top_left_pixel_and_nowhere_else(size, view):
    image = np.full((1, 12, 12, 1), 90, np.uint8)
    image[0, 4 : 4 + size, 5 : 5 + size] = 200
    keys = patches.keys(image, view)
    assert np.argwhere(keys[0]).tolist() == [[4, 5]]
    assert patches.side(view, image[0, 4:, 5:]) == size


def test_one_image_hashes_as_it_does_among_others(noise):
    for view in patches.VIEWS:
        assert (patches.keys(noise[3:4], view)[0] == patches.keys(noise, view)[3]).all()


def test_images_smaller_than_a_piece_have_none():
    for view in patches.VIEWS:
        assert patches.keys(np.zeros((2, 2, 9, 1), np.uint8), view).size == 0


def test_recurring_pieces_name_exactly_the_images_that_hold_them(noise):
    held = [0, *range(5, 25)]
    noise[held, 2:5, 3:6] = noise[0, 2:5, 3:6]
    pieces = Recurring.of(np.concatenate([noise, 255 - noise, noise // 2, noise // 3]), least=21)
    found = {pieces.view(i): pieces.rows(i).tolist() for i in range(len(pieces))}
    assert found["placed"] == found["exact"] == held
