"""Values field by field: far out, unseen, missing; and what honest drift may do."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste.checks.feature_range import FeatureRange
from foretaste.data import Batch

TOWNS = np.array(["Oslo", "Lima", "Hue", "Bonn"])


def rows(n, seed, **given):
    rng = np.random.default_rng([seed, n])
    columns = {
        "age": rng.normal(40, 10, n),
        "fee": rng.lognormal(size=n),
        "town": TOWNS[rng.integers(0, 4, n)].astype(object),
        **given,
    }
    kinds = [pa.large_string() if name == "town" else pa.float64() for name in columns]
    arrays = [pa.array(list(v), k) for v, k in zip(columns.values(), kinds, strict=True)]
    features = pa.StructArray.from_arrays(arrays, list(columns))
    return Batch([f"{seed} {i}" for i in range(n)], {"features": features})


@pytest.fixture(scope="module")
def started():
    check = FeatureRange()
    return check, check.start(rows(4000, 1))


def test_honest_records_surprise_as_seldom_as_they_say(started):
    check, state = started
    surprise, _ = check.judge(rows(20_000, 2), state)
    assert (surprise >= 3).mean() < 0.002


@pytest.mark.parametrize(
    "odd",
    [{"age": [900.0]}, {"age": [-1e300]}, {"age": [float("inf")]}, {"fee": [1337.0]},
     {"town": ["Atlantis"]}, {"age": [None]}, {"town": [None]}],
)  # fmt: skip
def test_what_no_trusted_record_has_is_held(started, odd):
    check, state = started
    one = rows(1, 3, **odd)
    assert check.judge(one, state)[0][0] > 3
    said = check.explain(one, 0, state)
    assert next(iter(odd)) in said
    assert len(said.splitlines()) == 1


def test_one_record_alone_is_judged_as_many_are(started):
    check, state = started
    many = rows(300, 4)
    together, _ = check.judge(many, state)
    alone = [check.judge(many.take([i]), state)[0][0] for i in range(40)]
    np.testing.assert_allclose(together[:40], alone)


def test_a_field_that_is_gone_is_missing_in_every_record(started):
    check, state = started
    arrays = [pa.array([41.0]), pa.array(["Oslo"], pa.large_string())]
    short = Batch(["a"], {"features": pa.StructArray.from_arrays(arrays, ["age", "town"])})
    assert check.judge(short, state)[0][0] > 3


def test_values_that_were_rare_and_grow_frequent_are_let_in(started):
    """Honest drift: a whole field moves by a spread, and stays inside its range."""
    check, state = started
    rng = np.random.default_rng(5)
    moved = rows(2000, 5, age=np.clip(rng.normal(52, 8, 2000), 10, 72))
    assert (check.judge(moved, state)[0] >= 3).mean() < 0.02


def test_usual_values_in_unusual_company_are_not_seen(started):
    check, state = started
    assert check.judge(rows(1, 6, age=[20.0], fee=[5.0]), state)[0][0] < 3


def test_a_matrix_and_a_column_of_nothing_can_be_ranged():
    values = np.column_stack([np.arange(500.0), np.full(500, np.nan), np.ones(500)])
    check = FeatureRange()
    state = check.start(Batch(range(500), {"features": values}))
    surprise, _ = check.judge(Batch(range(500), {"features": values}), state)
    assert (surprise < 3).all()
    assert np.isfinite(surprise).all()
