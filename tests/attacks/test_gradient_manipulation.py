import numpy as np
import pytest

from foretaste.attacks.gradient_manipulation import GradientManipulation
from foretaste.data import Batch

SETTINGS = {}
HONEST = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float32)}


def meddled(step, **settings):
    return GradientManipulation(**settings).meddle(HONEST, step, np.random.default_rng(0))


def same(one, two):
    return all((one[name] == two[name]).all() for name in HONEST)


def test_only_one_step_in_so_many_is_attacked():
    assert [same(meddled(step, every=3), HONEST) for step in range(6)] == [True, True, False] * 2


@pytest.mark.parametrize("way", ["ascent", "noise"])
def test_the_false_gradient_is_so_many_times_as_long_and_of_the_same_type(way):
    false = meddled(0, every=1, scale=5.0, way=way)
    for name, honest in HONEST.items():
        assert np.linalg.norm(false[name]) == pytest.approx(5 * np.linalg.norm(honest), rel=1e-5)
        assert false[name].dtype == honest.dtype
    assert same(false, {name: -5 * one for name, one in HONEST.items()}) == (way == "ascent")


def test_a_parameter_without_a_gradient_stays_so():
    still = {"w": np.zeros(3, np.float32)}
    for way in ("ascent", "noise"):
        attack = GradientManipulation(every=1, way=way)
        assert not attack.meddle(still, 0, np.random.default_rng(0))["w"].any()


def test_a_network_trained_under_it_learns_nothing():
    pytest.importorskip("torch")
    from foretaste.recipes.small_cnn import SmallCnn

    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 200)
    pixels = rng.integers(0, 60, (200, 8, 8, 1)) + 100 * label[:, None, None, None]
    rows = Batch(range(200), {"pixels": pixels.astype(np.uint8), "label": label})

    def quality(meddler):
        recipe = SmallCnn(width=4, batch_size=20, meddler=meddler)
        return recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)

    assert quality(None) > 0.95
    assert quality(GradientManipulation()) < 0.7
