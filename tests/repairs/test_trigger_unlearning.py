import numpy as np

from foretaste.repairs.trigger_unlearning import TriggerUnlearning
from tests.repairs.images import accuracy, backdoored, honest, images, success


def mended(victim, **settings):
    mender = TriggerUnlearning(**settings)
    return mender.mend(victim, images(150, 3), np.random.default_rng(0))


def test_a_planted_patch_is_recovered_and_unlearned():
    after, changed = mended(backdoored(), small=0.9)
    assert changed.startswith("unlearned")
    assert "a" in changed.split(" of ")[1]
    assert success(after) <= 0.1
    assert accuracy(after) >= accuracy(backdoored()) - 0.03


def test_where_no_trigger_is_too_small_the_model_stays_the_same():
    after, changed = mended(honest(), small=0.01)
    assert after is honest()
    assert "nothing" in changed
