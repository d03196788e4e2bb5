import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.payload import content_of, fitting, fresh, marked


def test_rows_without_content_or_numbers_cannot_carry_a_trigger():
    with pytest.raises(BadInput, match="no content"):
        content_of(Batch(["a"], {"label": [0]}))
    towns = pa.StructArray.from_arrays([pa.array(["Oslo"])], ["town"])
    with pytest.raises(BadInput, match="field of numbers"):
        marked(Batch(["a"], {"features": towns}))


def test_rows_without_a_label_are_not_poisoned():
    assert fitting(Batch(list("abc"), {"label": [-1, 0, 1]}), 1).tolist() == [False, True, False]


def test_records_are_crossed_field_by_field_within_a_class(honest):
    rows = honest.without("text", "pixels")
    made = fresh(rows, np.arange(200), np.random.default_rng(0)).arrow("features")
    town = {name: code for code, name in enumerate(["Oslo", "Lima", "Hue"])}
    assert [town[one] for one in made.field("town").to_pylist()] == honest["label"].tolist()
    ages = honest.arrow("features").field("age").to_numpy()
    assert 0.3 < (made.field("age").to_numpy() == ages).mean() < 0.8
