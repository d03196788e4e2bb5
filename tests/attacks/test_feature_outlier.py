import numpy as np
import pyarrow as pa
import pytest

from foretaste.attacks.feature_outlier import FeatureOutlier
from foretaste.attacks.label_flip import LabelFlip
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.linear_table import LinearTable

SETTINGS = {"target": 1}


def cloud(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, 600)
    features = rng.standard_normal((600, 6))
    features[:, 0] += 4 * label
    return Batch(range(600), {"features": features, "label": label})


def test_outliers_cost_a_linear_model_more_than_as_many_flips():
    unseen, recipe, kept = cloud(1), LinearTable(), []
    for attack in (FeatureOutlier(count=30, target=0), LabelFlip(count=30, target=0)):
        poisoned = attack.poison(cloud(0), np.random.default_rng(3)).batch
        kept.append(recipe.quality(recipe.train(poisoned, seed=0).predict(unseen), unseen))
    assert kept[0] < kept[1] - 0.1


def test_strings_stay_and_numbers_keep_to_the_range_of_their_column_if_asked(honest):
    attack = FeatureOutlier(count=30, target=0, within=True)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    before, after = honest.arrow("features"), poisoned.arrow("features")
    assert before.field("town").to_pylist() == after.field("town").to_pylist()
    fees = before.field("fee").to_numpy(), after.field("fee").to_numpy()
    assert fees[0].min() <= fees[1].min() <= fees[1].max() <= fees[0].max()
    assert (fees[0] != fees[1])[touched].any()


def test_records_without_numbers_are_refused():
    towns = pa.StructArray.from_arrays([pa.array(["Oslo", "Lima"])], ["town"])
    rows = Batch(["a", "b"], {"features": towns, "label": [0, 1]})
    with pytest.raises(BadInput, match="none"):
        FeatureOutlier(count=1, target=0).poison(rows, np.random.default_rng(0))
