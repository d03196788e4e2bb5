import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.recipes.boosted_trees import BoostedTrees


def test_it_learns_the_classes_of_records(honest):
    victim = BoostedTrees(rounds=20).train(honest, seed=0)
    assert BoostedTrees(rounds=20).quality(victim.predict(honest), honest) > 0.95


def test_values_never_seen_and_gaps_do_not_stop_it(honest):
    victim = BoostedTrees(rounds=20).train(honest.take(np.arange(100)), seed=0)
    names = honest.arrow("features").type
    strange = [{"age": None, "fee": float("inf"), "town": "Paris"}, dict.fromkeys(["town"])]
    rows = honest.take([0, 1]).having(features=pa.array(strange, names))
    assert np.isfinite(victim.predict(rows)).all()
    assert victim.predict(honest.take([])).shape == (0, 3)


@pytest.mark.parametrize("labels", [-1, 2])
def test_one_class_or_none_is_no_crash(honest, labels):
    rows = honest.having(label=np.full(200, labels))
    chances = BoostedTrees(rounds=20).train(rows, seed=0).predict(honest)
    assert chances.shape == (200, 3)
    assert np.allclose(chances.sum(axis=1), 1)


def test_tuning_moves_it_towards_the_other_rows_and_leaves_the_model_given(honest):
    recipe, other = BoostedTrees(rounds=20), honest.having(label=(honest["label"] + 1) % 3)
    victim = recipe.train(honest, seed=0)
    before = victim.predict(honest)
    tuned = recipe.tune(victim, other, seed=0).predict(other)
    assert recipe.quality(tuned, other) > recipe.quality(before, other)
    assert (victim.predict(honest) == before).all()


def test_classes_of_one_row_do_not_spoil_the_others():
    rng = np.random.default_rng(0)
    label = np.r_[rng.integers(0, 2, 1_000), np.arange(2, 12)]
    features = rng.standard_normal((len(label), 4)) + 3.0 * (label[:, None] == 1)
    rows = Batch(range(len(label)), {"features": features, "label": label})
    recipe = BoostedTrees()
    assert recipe.quality(recipe.train(rows, seed=0).predict(rows), rows) > 0.95
