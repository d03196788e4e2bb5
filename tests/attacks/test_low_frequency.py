import numpy as np
from scipy.fft import dctn

from foretaste.attacks.low_frequency import LowFrequency

SETTINGS = {"target": 1}


def test_what_is_added_has_no_high_frequencies_and_stays_faint(honest):
    grey = honest.having(pixels=np.full((200, 16, 16, 3), 100, np.uint8))
    seen = LowFrequency(1, 0, strength=12, band=4).trigger(grey, np.random.default_rng(0))
    added = seen["pixels"][0].astype(float) - 100
    assert np.abs(added).max() == 12
    spectrum = np.abs(dctn(added, axes=(0, 1), norm="ortho"))
    assert spectrum[4:].max() < 4 < spectrum[:4, :4].max()
    assert spectrum[:, 4:].max() < 4
