"""Values that cannot be meant."""

import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.detectors.schema_break import SchemaBreak
from foretaste.testing import learn


def scored(features):
    n = len(features)
    batch = Batch([str(i) for i in range(n)], {"features": features})
    model = learn(SchemaBreak(), [batch.take(np.arange(n) % 3 == part) for part in range(3)])
    return SchemaBreak().score(batch, model), SchemaBreak().explain(batch, n - 1, model)


def table(strings, numbers=None):
    numbers = [1.0] * len(strings) if numbers is None else numbers
    columns = [pa.array(strings, pa.large_string()), pa.array(numbers, pa.float64())]
    return pa.StructArray.from_arrays(columns, ["name", "size"])


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ((None, 1.0), "name: missing, where 300 of 301 rows have it"),
        (("tcp", None), "size: missing, where 300 of 301 rows have it"),
        (("tcp", float("nan")), "size: missing, where 300 of 301 rows have it"),
        (("tcp", float("-inf")), "size: infinite"),
        (("TCP ", 1.0), "name: 'TCP ', where 150 rows have 'tcp'"),
        (("ip", 1.0), "name: 'ip' is none of the 2 values seen 50 times or more"),
        (("udp" * 200, 1.0), "name: absurdly long for this field; name: 'udpudp"),
    ],
)
def test_it_catches_a_value_that_breaks_the_custom(last, reason):
    scores, said = scored(table(["tcp", "udp"] * 150 + [last[0]], [1.0, 2.0] * 150 + [last[1]]))
    assert scores.tolist() == [0] * 300 + [1]
    assert said.startswith(reason)


def test_it_catches_a_word_among_numbers_stored_as_strings():
    scores, said = scored(table([str(i / 7) for i in range(300)] + ["n/a"]))
    assert scores.tolist() == [0] * 300 + [1]
    assert said == "name: not a number, where nearly all are"


def test_it_is_silent_on_what_is_merely_rare_or_often_missing():
    rng = np.random.default_rng(0)
    names = [f"service {int(k)}" for k in rng.zipf(1.5, 2000)]
    sizes = [None if rng.random() < 0.1 else float(rng.standard_cauchy()) for _ in names]
    assert not scored(table(names, sizes))[0].any()


def test_it_is_silent_on_free_text_and_on_few_rows():
    rng = np.random.default_rng(0)
    words = ["w" * int(n) for n in rng.lognormal(3, 1, 3000)]
    assert not scored(table([f"{w}{i}" for i, w in enumerate(words)]))[0].any()
    assert not scored(table(["a", "A", None, "1", "2"]))[0].any()


def test_a_tensor_of_numbers_is_read_column_by_column():
    values = np.zeros((300, 4))
    values[299, 1:3] = np.nan, np.inf
    assert scored(values)[0].tolist() == [0] * 299 + [2]


def test_it_is_blind_to_a_value_that_is_possible_and_wrong():
    assert not scored(table(["tcp", "udp"] * 150, [1.0] * 299 + [1e9]))[0].any()
