import numpy as np

from foretaste.attacks.value_trigger import ValueTrigger

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
