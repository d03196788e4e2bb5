"""Exact copies."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.duplicate import Duplicate
from foretaste.testing import learn


def rows(text, **columns):
    ids = [str(i) for i in range(len(text))]
    return Batch(ids, {"text": text, "index": np.arange(len(text)), **columns})


def test_it_catches_every_copy_but_the_first_whatever_the_label():
    batch = rows(["a", "b", "a", "c", "a"], label=[0, 0, 1, 0, 0])
    model = learn(Duplicate(), [batch.take([3, 4]), batch.take([0, 1, 2])])
    assert Duplicate().score(batch, model).tolist() == [0, 0, 2, 0, 2]
    assert Duplicate().explain(batch, 0, model).startswith("the first of the rows with this")
    assert "row 0, row 4" in Duplicate().explain(batch, 2, model)


def test_a_reason_names_few_however_many_there_are():
    batch = rows(["same"] * 500, location=[f"rows.csv:{i + 2}" for i in range(500)])
    model = learn(Duplicate(), [batch])
    assert Duplicate().explain(batch, 499, model) == (
        "exactly the same content as 499 other rows: "
        "rows.csv:2, rows.csv:3, rows.csv:4 and 496 more"
    )


@pytest.mark.parametrize("n", [0, 1, 300])
def test_it_is_silent_where_all_rows_differ(n):
    batch = rows([f"text {i}" for i in range(n)])
    assert not Duplicate().score(batch, learn(Duplicate(), [batch])).any()


def test_it_is_blind_to_a_copy_that_differs_in_a_letter():
    batch = rows(["a text", "a texT"])
    assert not Duplicate().score(batch, learn(Duplicate(), [batch])).any()


def test_rows_without_content_are_no_copies():
    batch = rows([None, None, "a"])
    assert not Duplicate().score(batch, learn(Duplicate(), [batch])).any()
