import numpy as np
import pytest

from foretaste.attacks.influential_flip import InfluentialFlip
from foretaste.attacks.label_flip import LabelFlip
from foretaste.data import Batch
from foretaste.recipes.linear_table import LinearTable

SETTINGS = {}


def cloud(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, 600)
    features = rng.standard_normal((600, 6)) * [1, 1, 1, 1, 1, 4]
    features[:, 0] += 4 * label
    return Batch(range(600), {"features": features, "label": label})


def accuracy(rows):
    unseen, recipe = cloud(1), LinearTable()
    return recipe.quality(recipe.train(rows, seed=0).predict(unseen), unseen)


def test_influential_flips_cost_a_model_more_than_as_many_random_ones():
    costs = [
        accuracy(cloud(0)) - accuracy(kind(count=90).poison(cloud(0), np.random.default_rng(3))[0])
        for kind in (InfluentialFlip, LabelFlip)
    ]
    assert costs[0] > max(5 * costs[1], 0.02)


@pytest.mark.parametrize("column", ["features", "text", "pixels", "embedding"])
def test_it_can_use_any_column_and_flips_one_class_to_another(honest, column):
    attack = InfluentialFlip(count=10, source=2, target=0, column=column)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert (honest["label"][touched] == 2).all()
    assert (poisoned["label"][touched] == 0).all()
