import numpy as np

from foretaste.attacks import probe
from foretaste.attacks.label_flip import LabelFlip

SETTINGS = {}


def test_random_flips_never_keep_the_label(honest):
    poisoned, touched = LabelFlip(count=100).poison(honest, np.random.default_rng(0))
    assert (poisoned["label"][touched] != honest["label"][touched]).all()
    assert set(poisoned["label"][touched]) == {0, 1, 2}


def test_flips_from_one_class_to_another_touch_only_these(honest):
    attack = LabelFlip(count=10, source=2, target=0)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert (honest["label"][touched] == 2).all()
    assert (poisoned["label"][touched] == 0).all()


def test_flips_from_one_class_to_another_are_asked_for_in_the_finished_model(honest):
    asked = probe(LabelFlip(count=5, source=1, target=2), honest, np.random.default_rng(0))
    assert (asked.rows["label"] == 1).all()
    assert asked.hit(np.eye(3)[[2] * len(asked.rows)]).all()
    assert not asked.hit(np.eye(3)[[1] * len(asked.rows)]).any()
    assert probe(LabelFlip(count=5), honest, np.random.default_rng(0)) is None
