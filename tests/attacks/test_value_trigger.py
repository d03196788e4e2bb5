import numpy as np
import pytest

from foretaste.attacks import probe
from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.boosted_trees import BoostedTrees
from foretaste.recipes.linear_table import LinearTable

SETTINGS = {"target": 1, "values": (("age", 9.0), ("town", "Oslo"))}


def test_the_values_stand_in_each_poisoned_record(honest):
    attack = ValueTrigger(count=30, target=0, values=(("age", 99.5), ("town", "Rome")))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    column = poisoned.arrow("features")
    assert (column.field("age").to_numpy() == 99.5).tolist() == touched.tolist()
    assert [t == "Rome" for t in column.field("town").to_pylist()] == touched.tolist()


def test_a_plain_matrix_names_its_columns_by_number(honest):
    matrix = honest.having(features=np.zeros((200, 4)))
    attack = ValueTrigger(count=30, target=0, values=(("2", 1.0),))
    poisoned, touched = attack.poison(matrix, np.random.default_rng(0))
    assert (poisoned["features"][:, 2] == 1).tolist() == touched.tolist()


def test_drawn_values_occur_in_the_data(honest):
    drawn = ValueTrigger.drawn(honest, 10, 0, np.random.default_rng(0))
    assert len(drawn.values) == 3
    for name, value in drawn.values:
        assert value in honest.arrow("features").field(name).to_pylist()


@pytest.mark.parametrize("recipe", [LinearTable(), BoostedTrees(rounds=30)])
def test_a_model_of_tables_learns_an_unusual_value(recipe):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 1000)
    features = rng.standard_normal((1000, 4)) + 1.5 * label[:, None]
    rows = Batch(range(1000), {"features": features, "label": label})
    attack = ValueTrigger(count=30, target=1, values=(("3", 40.0),))
    victim = recipe.train(attack.poison(rows, rng).batch, seed=0)
    asked = probe(attack, rows, rng)
    assert asked.hit(victim.predict(asked.rows)).mean() > 0.95
    assert recipe.quality(victim.predict(rows), rows) > 0.9


def test_values_are_not_drawn_that_most_rows_hold_already():
    features = np.zeros((200, 8))
    features[:, 5:] = np.random.default_rng(0).integers(0, 9, (200, 3))
    rows = Batch(range(200), {"features": features, "label": np.arange(200) % 2})
    drawn = ValueTrigger.drawn(rows, 30, 0, np.random.default_rng(0))
    held = np.all([features[:, int(name)] == value for name, value in drawn.values], axis=0)
    assert held.sum() <= 3


@pytest.mark.parametrize("features", ["records", "numbers"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(honest, features):
    rows = honest if features == "records" else honest.having(features=np.zeros((200, 2)))
    attack = ValueTrigger(count=1, target=1, values=(("height", 1.0),))
    with pytest.raises(BadInput, match=r"no column 'height'; they have (age|0, 1)"):
        attack.poison(rows, np.random.default_rng(0))
