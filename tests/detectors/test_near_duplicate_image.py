"""Pictures that look the same."""

import numpy as np
from PIL import Image, ImageFilter

from foretaste.data import Batch
from foretaste.detectors.near_duplicate_image import NearDuplicateImage
from foretaste.testing import learn


def pictures(n, seed=0, channels=3):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 6, 6, 3), np.uint8)
    large = [Image.fromarray(c).resize((32, 32), Image.Resampling.BICUBIC) for c in coarse]
    return np.stack([np.asarray(one.filter(ImageFilter.SMOOTH)) for one in large])[..., :channels]


def scored(pixels):
    index = np.arange(len(pixels))
    batch = Batch([str(i) for i in index], {"pixels": pixels, "index": index})
    detector = NearDuplicateImage()
    model = learn(detector, [batch.take(index % 3 == part) for part in range(3)])
    return detector.score(batch, model), lambda row: detector.explain(batch, row, model)


def test_it_catches_noise_brightness_and_coarser_pixels():
    originals = pictures(300)
    rng = np.random.default_rng(1)
    noisy = np.clip(originals[:30] + rng.normal(0, 4, originals[:30].shape), 0, 255)
    brighter = np.clip(originals[30:60].astype(int) + 3, 0, 255)
    halved = [Image.fromarray(one).resize((16, 16)).resize((32, 32)) for one in originals[60:90]]
    copies = [
        part.astype(np.uint8) for part in (noisy, brighter, np.stack(list(map(np.asarray, halved))))
    ]
    scores, reason = scored(np.concatenate([originals, *copies]))
    assert (scores[300:] == 1).all()
    assert not scores[:300].any()
    assert reason(300) == "nearly the same picture as 1 other row: row 0"
    assert reason(0).startswith("the first of its kind; nearly the same picture as 1 other row")


def test_it_is_silent_on_different_pictures():
    assert not scored(pictures(3000, channels=1))[0].any()


def test_it_is_silent_on_pictures_with_next_to_nothing_in_them():
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 4, (200, 28, 28, 1)).astype(np.uint8)
    assert not scored(dark)[0].any()


def test_it_is_blind_to_a_shifted_or_mirrored_copy():
    [one] = pictures(1)
    assert not scored(np.stack([one, np.roll(one, 4, 1), one[:, ::-1]]))[0].any()
