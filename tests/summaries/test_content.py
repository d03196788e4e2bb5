"""Equal content has an equal key, and only equal content."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.summaries import content
from foretaste.summaries.content import Gathered


def batch(n, **columns):
    return Batch([str(i) for i in range(n)], columns)


@pytest.mark.parametrize(
    "columns",
    [
        {"text": ["a", "b", "a"]},
        {"prompt": ["a", "a", "a"], "response": ["x", "y", "x"]},
        {"image": pa.array([b"\0\1", b"\0", b"\0\1"])},
        {"pixels": np.array([[[[1]]], [[[2]]], [[[1]]]], np.uint8)},
        {"features": np.array([[1.0, np.nan], [1.0, 2.0], [1.0, np.nan]])},
        {"features": pa.array([{"a": 1.0, "b": None}, {"a": None, "b": "x"}, {"a": 1.0}])},
        {"item": ["i", "i", "i"], "user": ["u", "v", "u"]},
    ],
    ids=lambda columns: "+".join(columns),
)
def test_every_kind_of_content_has_keys_that_do_not_depend_on_company(columns):
    rows = batch(3, **columns, label=[0, 1, 2], index=[0, 1, 2])
    keys = content.keys(rows)
    assert keys[0] == keys[2] != keys[1]
    assert keys[0] != 0
    alone = [content.keys(rows.take([i]))[0] for i in range(3)]
    np.testing.assert_array_equal(alone, keys)
    assert content.keys(rows.take([])).shape == (0,)


def test_rows_without_content_have_key_zero():
    assert content.keys(batch(2, label=[0, 1])).tolist() == [0, 0]
    assert content.keys(batch(2, text=pa.array([None, "a"], pa.large_string())))[0] == 0


def test_gathering_in_any_order_gives_the_same_rows():
    rows = batch(4, text=list("abcd"), index=[0, 1, 2, 3], location=list("wxyz"))
    parts = [Gathered.of(p, key=content.keys(p)) for p in (rows.take([2, 3]), rows.take([0, 1]))]
    whole = Gathered.of(rows, key=content.keys(rows)).sorted("key")
    assert parts[0].merge(parts[1]).sorted("key").equals(whole)
    assert Gathered.of(rows.take([]), key=content.keys(rows.take([]))).sorted().is_empty()
