from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from foretaste.roles.columns import floats, labels, seconds, strings

NOON = 1_700_000_000.0


@pytest.mark.parametrize(
    "values",
    [
        ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20", "2023-11-14T23:13:20+01:00"],
        [NOON, NOON * 1e3, NOON * 1e6, NOON * 1e9],
        [str(int(NOON))],
        pa.array([datetime(2023, 11, 14, 22, 13, 20)], pa.timestamp("us")),
        pa.array([int(NOON)], pa.timestamp("s", tz="UTC")),
    ],
)
def test_every_usual_way_to_write_a_time_is_understood(values):
    np.testing.assert_allclose(seconds(values), NOON)


def test_times_that_are_none_are_nan():
    assert np.isnan(seconds(["soon", None, "", [1]])).all()
    assert np.isnan(seconds(pa.array([None], pa.timestamp("ns")))).all()


def test_empty_labels_are_missing_and_named_codes_get_names():
    assert labels(["a ", "", None, 3]).to_pylist() == ["a", None, None, "3"]
    assert labels(pa.array([1, -1, 7]), ["ham", "spam"]).to_pylist() == ["spam", None, None]


def test_any_arrow_type_becomes_text_or_numbers():
    assert strings(pa.array(["a", "b", "a"]).dictionary_encode()).to_pylist() == ["a", "b", "a"]
    assert strings(pa.array([1.0, 2.5, None])).to_pylist() == ["1", "2.5", None]
    assert floats(pa.array([True, None]))[0] == 1.0
    assert floats(pa.array(["1", "x"]))[0] == 1.0
    assert np.isnan(floats([2**70, "1", None])[2])
