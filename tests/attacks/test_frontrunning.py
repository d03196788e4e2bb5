import numpy as np
import pytest

from foretaste.attacks.frontrunning import Frontrunning
from foretaste.errors import BadInput

SETTINGS = {"target": 1}


def test_only_rows_within_the_window_before_the_snapshot_are_changed(honest):
    attack = Frontrunning(count=20, target=1, snapshot=150, window=50)
    _, touched = attack.poison(honest, np.random.default_rng(0))
    times = honest["time"][touched]
    assert times.min() >= 100
    assert times.max() <= 150


def test_a_window_with_too_few_rows_is_refused(honest):
    with pytest.raises(BadInput, match="20 rows"):
        Frontrunning(count=20, target=1, window=5).poison(honest, np.random.default_rng(0))


def test_a_drawn_window_holds_the_rows_to_poison_and_as_many_again(honest):
    rng = np.random.default_rng(0)
    attack = Frontrunning.drawn(honest, 20, 1, rng)
    _, touched = attack.poison(honest, rng)
    within = (honest["time"] >= 199 - attack.window) & (honest["label"] != 1)
    assert within.sum() == 40
    assert honest["time"][touched].min() >= 199 - attack.window
