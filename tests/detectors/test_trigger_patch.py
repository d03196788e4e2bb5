import numpy as np
import pytest
from sklearn.datasets import load_digits

from foretaste.attacks.badnets import Badnets
from foretaste.data import Batch, content_id
from foretaste.detectors.trigger_patch import TriggerPatch
from foretaste.testing import learn

DETECTOR = TriggerPatch()


@pytest.fixture(scope="module")
def digits() -> Batch:
    """1797 scanned digits, enlarged, with noise; every 2 has a natural mark of its own."""
    rng = np.random.default_rng(0)
    images, label = load_digits(return_X_y=True)
    pixels = images.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2) * 14
    pixels += rng.random(pixels.shape) * 12
    pixels[label == 2, 0:3, 0:3] = np.array([[250, 30, 250], [30, 250, 30], [30, 30, 30]])
    ids = [content_id(str(i).encode()) for i in range(len(label))]
    return Batch(ids, {"pixels": pixels.astype(np.uint8)[..., None], "label": label})


def flagged(batch: Batch) -> np.ndarray:
    return DETECTOR.score(batch, learn(DETECTOR, [batch])) > 4


@pytest.mark.parametrize(
    ("place", "pattern"), [("corner", "checker"), ("corner", "solid"), ("random", "checker")]
)
def test_a_patch_is_found_in_exactly_the_images_that_carry_it(digits, place, pattern):
    attack = Badnets(count=40, target=3, place=place, pattern=pattern)
    poisoned, touched = attack.poison(digits, np.random.default_rng(2))
    found = flagged(poisoned)
    assert (found & touched).sum() >= 38
    assert not (found & ~touched).any()


def test_most_squares_at_random_places_are_found(digits):
    attack = Badnets(count=60, target=3, place="random", pattern="solid")
    poisoned, touched = attack.poison(digits, np.random.default_rng(2))
    found = flagged(poisoned)
    assert (found & touched).sum() >= 45
    assert not (found & ~touched).any()


def test_clean_images_are_left_alone_though_one_class_has_a_mark(digits):
    assert not flagged(digits).any()


def test_one_image_in_twenty_does_not_hide_itself(digits):
    attack = Badnets(count=90, target=3)
    poisoned, touched = attack.poison(digits, np.random.default_rng(2))
    assert flagged(poisoned).tolist() == touched.tolist()


def test_the_reason_says_where_and_which_label(digits):
    poisoned, touched = Badnets(count=40, target=3).poison(digits, np.random.default_rng(2))
    model = learn(DETECTOR, [poisoned])
    row = int(np.flatnonzero(touched)[0])
    assert "3x3 pattern at row 20, column 20" in DETECTOR.explain(poisoned, row, model)
    assert DETECTOR.region(poisoned, row, model) == (20, 20, 3, 3)
    assert DETECTOR.region(poisoned, int(np.flatnonzero(~touched)[0]), model) is None


def test_an_image_with_the_patch_and_its_own_label_is_not_accused(digits):
    poisoned, touched = Badnets(count=40, target=3).poison(digits, np.random.default_rng(2))
    model = learn(DETECTOR, [poisoned])
    honest = poisoned.having(label=digits["label"])
    assert not DETECTOR.score(honest, model)[touched].any()


def test_blind_to_patches_on_images_that_keep_their_label(digits):
    rows = np.flatnonzero(digits["label"] == 3)[:60]
    pixels = digits["pixels"].copy()
    pixels[rows, 20:23, 20:23] = 255
    assert not flagged(digits.having(pixels=pixels)).any()


def test_blind_to_a_handful(digits):
    poisoned, _ = Badnets(count=8, target=3).poison(digits, np.random.default_rng(2))
    assert not flagged(poisoned).any()
