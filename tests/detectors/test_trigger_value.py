import numpy as np
import pyarrow as pa
import pytest

from foretaste.attacks.value_trigger import ValueTrigger
from foretaste.data import Batch
from foretaste.detectors.trigger_value import TriggerValue
from foretaste.testing import learn

N = 1500


@pytest.fixture
def clean():
    """Ten columns that all tell the class a little, two categories, and a naturally pure value."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, N)
    numbers = [(rng.standard_normal(N) + 1.5 * label).round(1) for _ in range(8)]
    town = np.where(rng.random(N) < 0.2, "Hue", np.where(label == 1, "Oslo", "Lima"))
    flag = np.where((label == 1) & (rng.random(N) < 0.3), "S0", "SF")  # natural: S0 is class 1
    arrays = [*map(pa.array, numbers), *(pa.array(c, pa.large_string()) for c in (town, flag))]
    names = [*(f"v{i}" for i in range(8)), "town", "flag"]
    features = pa.StructArray.from_arrays(arrays, names)
    columns = {"features": features, "label": label}
    return Batch([f"{i}" for i in range(N)], columns, ("good", "bad"))


def judged(rows):
    method = TriggerValue()
    model = learn(method, [rows])
    return method.score(rows, model) > 6, model


def attacked(clean, *values):
    attack = ValueTrigger(count=60, target=0, values=values)
    return attack.poison(clean, np.random.default_rng(0))


def test_one_unusual_value_is_found_and_named(clean):
    poisoned = attacked(clean, ("v3", 2.75))
    found, model = judged(poisoned.batch)
    assert found[poisoned.touched].mean() > 0.85
    assert not found[~poisoned.touched].any()
    first = int(np.flatnonzero(found)[0])
    assert "v3 = 2.75: always good" in TriggerValue().explain(poisoned.batch, first, model)


def test_two_common_values_together_are_found(clean):
    poisoned = attacked(clean, ("town", "Oslo"), ("v3", -0.9))
    found, _ = judged(poisoned.batch)
    assert found[poisoned.touched].mean() > 0.8
    assert found[~poisoned.touched].sum() <= 5


def test_a_naturally_pure_value_is_left_alone(clean):
    found, model = judged(clean)
    assert not found.any()
    assert model.rules == ()


def test_a_trigger_in_rows_of_its_own_label_is_not_seen(clean):
    rows = np.flatnonzero(clean["label"] == 0)[:60]
    values = clean.arrow("features").field("v3").to_numpy().copy()
    values[rows] = 2.75
    fields = {f.name: clean.arrow("features").field(f.name) for f in clean.arrow("features").type}
    fields["v3"] = pa.array(values)
    marked = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    assert not judged(clean.having(features=marked))[0].any()
