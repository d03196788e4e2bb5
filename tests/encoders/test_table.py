import numpy as np
import pyarrow as pa

from foretaste.data import Batch
from foretaste.encoders.table import Table
from foretaste.testing import learn


def rows(**columns):
    arrays = [pa.array(column) for column in columns.values()]
    struct = pa.StructArray.from_arrays(arrays, list(columns))
    return Batch([f"{i}" for i in range(len(struct))], {"features": struct})


def vectors(batch, **settings):
    table = Table(**settings)
    return table.encode(batch, learn(table, [batch]))["embedding"]


def test_heavy_tails_and_infinities_stay_finite_and_bounded():
    amounts = np.append(np.random.default_rng(0).pareto(0.3, 500), [np.inf, -np.inf, 1e308])
    found = vectors(rows(amount=amounts))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 12


def test_a_missing_number_is_seen_as_missing():
    found = vectors(rows(age=[1.0, 2.0, float("nan"), 3.0], town=["a", "a", "a", "a"]))
    assert not np.allclose(found[2], found[1])


def test_equal_categories_are_near_and_different_ones_apart():
    found = vectors(rows(town=["Oslo", "Lima", "Oslo", "Hue"]))
    assert np.allclose(found[0], found[2])
    assert not np.allclose(found[0], found[1])


def test_columns_of_names_are_left_out():
    names = [f"customer {i}" for i in range(200)]
    found = vectors(rows(name=names, age=np.arange(200.0)))
    assert found.shape == (200, 1)


def test_a_wide_table_is_squeezed_and_keeps_distances():
    wide = np.random.default_rng(0).standard_normal((50, 2000))
    batch = Batch([f"{i}" for i in range(50)], {"features": wide})
    found = vectors(batch)
    assert found.shape == (50, 192)
    full = vectors(batch, width=2000)
    ratio = np.linalg.norm(found[0] - found[1:], axis=1) / np.linalg.norm(
        full[0] - full[1:], axis=1
    )
    assert 0.8 < ratio.mean() < 1.2


def test_what_was_fitted_on_nothing_still_encodes():
    batch = rows(age=[1.0, 2.0], town=["a", "b"])
    table = Table()
    model = learn(table, [batch.take([])])
    assert np.isfinite(table.encode(batch, model)["embedding"]).all()
