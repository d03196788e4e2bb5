import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.online_centroid import OnlineCentroid


def stream(n=1_000, odd=0, seed=0):
    """Honest rows around zero, and some attacks, far away, known as such."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    features[n - odd :] += 8
    columns = {"features": features, "label": (np.arange(n) >= n - odd).astype(int)}
    return Batch(range(n), columns | {"time": np.arange(n, dtype=float)}, ["normal", "attack"])


def test_attacks_are_farther_out_than_honest_rows():
    recipe = OnlineCentroid()
    fresh = stream(odd=100, seed=1)
    assert recipe.quality(recipe.train(stream(odd=50), 0).predict(fresh), fresh) > 0.99


def test_about_as_many_honest_rows_raise_an_alarm_as_was_set():
    out = OnlineCentroid(alarms=0.05).train(stream(4_000), 0).predict(stream(4_000, seed=1))
    assert 0.03 < (out > 1).mean() < 0.08


def test_rows_are_met_by_time_however_they_stand():
    rows = stream()
    turned = rows.take(np.random.default_rng(0).permutation(1_000))
    one, other = (OnlineCentroid().train(given, 0) for given in (rows, turned))
    assert one.centre.tolist() == other.centre.tolist()


def test_what_raises_an_alarm_teaches_nothing():
    rows = stream(odd=100)
    unlabelled = rows.without("label")
    one, other = (OnlineCentroid(warm=400).train(given, 0) for given in (rows, unlabelled))
    assert one.centre.tolist() == other.centre.tolist()


def test_a_short_horizon_follows_a_stream_that_moves_and_a_long_memory_does_not():
    moving = np.random.default_rng(0).normal(size=(4_000, 3)) + np.linspace(0, 4, 4_000)[:, None]
    rows = Batch(range(4_000), {"features": moving})
    last = rows.take(np.arange(3_900, 4_000))
    short = OnlineCentroid(horizon=100).train(rows, 0).predict(last)
    everything = OnlineCentroid(horizon=None).train(rows, 0).predict(last)
    assert (short > 1).mean() < 0.1 < (everything > 1).mean()


def test_training_goes_on_with_other_rows_and_leaves_the_first_detector_as_it_was():
    recipe = OnlineCentroid(horizon=100)
    first = recipe.train(stream(), 0)
    centre = first.centre.tolist()
    tuned = recipe.tune(first, stream(seed=2), 0)
    assert first.centre.tolist() == centre != tuned.centre.tolist()


def test_records_are_read_by_their_numbers():
    ages, towns = pa.array(np.arange(50.0)), pa.array(["Oslo"] * 50)
    features = pa.StructArray.from_arrays([ages, towns], ["age", "town"])
    detector = OnlineCentroid().train(Batch(range(50), {"features": features}), 0)
    assert detector.space.names == ("age",)


def test_rows_without_numbers_or_too_few_are_refused():
    towns = pa.StructArray.from_arrays([pa.array(["Oslo"] * 9)], ["town"])
    with pytest.raises(BadInput, match="fields of numbers"):
        OnlineCentroid().train(Batch(range(9), {"features": towns}), 0)
    with pytest.raises(BadInput, match="trusted rows"):
        OnlineCentroid().train(stream(3), 0)


def test_without_two_kinds_of_label_the_quality_is_unknown():
    recipe, rows = OnlineCentroid(), stream()
    out = recipe.train(rows, 0).predict(rows)
    assert np.isnan(recipe.quality(out, rows))
    assert np.isnan(recipe.quality(out, rows.without("label")))
