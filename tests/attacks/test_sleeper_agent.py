import numpy as np
import pytest

from foretaste.attacks.sleeper_agent import SleeperAgent
from foretaste.errors import BadInput
from foretaste.recipes.small_cnn import SmallCnn

SMALL = SmallCnn(width=4, epochs=1)
SETTINGS = {"target": 1, "source": 0, "size": 3, "steps": 4, "rounds": 2, "surrogate": SMALL}


def test_pixels_stay_within_the_bound_over_all_rounds(honest):
    attack = SleeperAgent(count=10, **{**SETTINGS, "epsilon": 5, "rounds": 3})
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    moved = np.abs(poisoned["pixels"].astype(int) - honest["pixels"])
    assert 1 <= moved.max() <= 5
    assert (poisoned["label"][touched] == 1).all()
    assert (poisoned["label"] == honest["label"]).all()


def test_it_shows_patched_images_of_the_source_and_wants_the_target(honest):
    asked = SleeperAgent(count=1, **SETTINGS).probe(honest, np.random.default_rng(0))
    assert set(asked.rows["label"]) == {0}
    sure = np.eye(3)
    assert asked.hit(np.repeat(sure[1:2], len(asked.rows), axis=0)).all()
    before = honest["pixels"][honest["label"] == 0]
    changed = (asked.rows["pixels"] != before).any(axis=3)
    assert changed.any(axis=(1, 2)).all()
    assert (changed.sum(axis=(1, 2)) <= 9).all()


def test_settings_are_drawn_so_that_source_and_target_differ(honest):
    for seed in range(5):
        attack = SleeperAgent.drawn(honest, 5, 1, np.random.default_rng(seed))
        assert attack.target == 1
        assert attack.source in (0, 2)
        assert attack.size == 2


def test_without_the_source_there_is_nothing_to_patch(honest):
    with pytest.raises(BadInput, match="source class 9"):
        SleeperAgent(count=1, **{**SETTINGS, "source": 9}).poison(honest, np.random.default_rng(0))
