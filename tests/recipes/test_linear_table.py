import numpy as np
import pyarrow as pa
import pytest

from foretaste.recipes.linear_table import LinearTable


def test_it_learns_the_classes_of_records(honest):
    victim = LinearTable().train(honest, seed=0)
    assert LinearTable().quality(victim.predict(honest), honest) > 0.95


def test_values_never_seen_and_gaps_do_not_stop_it(honest):
    victim = LinearTable().train(honest.take(np.arange(100)), seed=0)
    names = honest.arrow("features").type
    strange = [{"age": None, "fee": float("inf"), "town": "Paris"}, dict.fromkeys(["town"])]
    rows = honest.take([0, 1]).having(features=pa.array(strange, names))
    assert np.isfinite(victim.predict(rows)).all()
    assert victim.predict(honest.take([])).shape == (0, 3)


@pytest.mark.parametrize("labels", [-1, 2])
def test_one_class_or_none_is_no_crash(honest, labels):
    rows = honest.having(label=np.full(200, labels))
    chances = LinearTable().train(rows, seed=0).predict(honest)
    assert chances.shape == (200, 3)
    assert np.allclose(chances.sum(axis=1), 1)


def test_tuning_moves_it_towards_the_other_rows_and_leaves_the_model_given(honest):
    recipe, other = LinearTable(), honest.having(label=(honest["label"] + 1) % 3)
    victim = recipe.train(honest, seed=0)
    before = victim.predict(honest)
    tuned = recipe.tune(victim, other, seed=0).predict(other)
    assert recipe.quality(tuned, other) > recipe.quality(before, other)
    assert (victim.predict(honest) == before).all()
