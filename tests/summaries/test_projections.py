"""Close pairs, beside the slow obvious way."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from foretaste.summaries.perceptual import thumbnails
from foretaste.summaries.projections import close, gaps


@pytest.mark.parametrize("d", [2, 16, 256])
def test_all_found_pairs_are_close_and_nearly_all_close_pairs_are_found(d):
    rng = np.random.default_rng(d)
    points = rng.standard_normal((500, d)) * 20 / d**0.5
    steps = rng.standard_normal((500, d))
    steps *= rng.uniform(0, 1, (500, 1)) / np.linalg.norm(steps, axis=1, keepdims=True)
    both = np.concatenate([points, points + steps]).astype(np.float32)
    pairs = close(both, 1.0)
    assert (gaps(both, pairs) <= 1).all()
    planted = {(i, i + 500) for i in range(500)}
    assert len(planted & set(map(tuple, pairs.tolist()))) >= 495
    if d > 2:
        distances = squareform(pdist(both))
        assert (
            len(pairs) <= (np.triu(distances, 1) <= 1.0001).sum() - np.triu(distances == 0, 1).sum()
        )


def test_one_point_or_none_has_no_pairs():
    assert close(np.zeros((0, 3)), 1.0).shape == (0, 2)
    assert close(np.zeros((1, 3)), 1.0).shape == (0, 2)


@pytest.mark.parametrize("side", [5, 16, 28, 32, 100])
def test_a_thumbnail_is_the_mean_of_what_it_covers_at_any_size(side):
    ramp = np.tile(np.arange(side) * 255 // (side - 1), (side, 1)).astype(np.uint8)
    [small] = thumbnails(ramp[None, :, :, None])
    assert abs(small.mean() - ramp.mean()) < 1
    assert (np.diff(small.reshape(16, 16).astype(int), axis=1) >= 0).all()
    assert thumbnails(np.zeros((0, side, side, 1), np.uint8)).shape == (0, 256)
