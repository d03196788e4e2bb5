import numpy as np

from foretaste.attacks.all_to_all import AllToAll

SETTINGS = {}


def test_every_class_becomes_the_next(honest):
    poisoned, touched = AllToAll(count=60).poison(honest, np.random.default_rng(0))
    assert (poisoned["label"][touched] == (honest["label"][touched] + 1) % 3).all()
    assert set(honest["label"][touched]) == {0, 1, 2}


def test_rows_without_a_label_are_neither_poisoned_nor_asked_for(honest):
    label = np.where(np.arange(200) < 100, -1, honest["label"])
    rows = honest.having(label=label)
    _, touched = AllToAll(count=100).poison(rows, np.random.default_rng(0))
    assert touched.tolist() == (label != -1).tolist()
    assert len(AllToAll(count=1).probe(rows, np.random.default_rng(0)).rows) == 100
