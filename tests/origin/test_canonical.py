import json
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput
from foretaste.origin.canonical import canonical

TEXTS = st.text(st.characters(codec="utf-8"))
PLAIN = st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | TEXTS
VALUES = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785, appendix B
        ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"), ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"), ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"), ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"), ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555557", "333333333.33333343"), ("43143ff3c1cb0959", "1424953923781206.2"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_standard_has_them(bits, text):
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


@given(VALUES)
def test_what_is_written_reads_as_the_same_but_for_fields_that_are_null(value):
    def bare(one):
        if isinstance(one, dict):
            return {name: bare(v) for name, v in one.items() if v is not None}
        return [bare(v) for v in one] if isinstance(one, list) else one

    assert json.loads(canonical(value), parse_int=float) == bare(value)


@given(st.dictionaries(TEXTS, st.integers(), max_size=6))
def test_the_order_of_fields_does_not_matter(row):
    assert canonical(dict(reversed(row.items()))) == canonical(row)


def test_fields_stand_in_the_order_of_utf_16():
    said = canonical({"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "ö": 6}).decode()
    assert list(json.loads(said)) == ["\r", "1", "ö", "€", "😀", "\ufb33"]


def test_a_record_is_the_same_from_json_and_from_a_file_of_columns():
    when = datetime(2026, 1, 2, tzinfo=UTC)
    row = {"a": np.float64(1.0), "b": float("nan"), "c": b"\1", "d": when, "e": np.arange(2)}
    said = {"a": 1, "c": "AQ==", "d": "2026-01-02T00:00:00+00:00", "e": [0, 1]}
    assert canonical(row) == canonical(said)


def test_large_whole_numbers_keep_all_their_digits():
    assert canonical([2**63 - 1, 2**63 - 2]) == b"[9223372036854775807,9223372036854775806]"


@pytest.mark.parametrize("at", range(4))
def test_what_no_json_holds_is_refused(at):
    value = [float("inf"), object(), {"a": "\ud800"}, 10**5_000][at]
    with pytest.raises(BadInput):
        canonical(value)


def test_what_is_nested_without_end_is_refused():
    value = []
    for _ in range(100):
        value = [value]
    with pytest.raises(BadInput, match="nested"):
        canonical(value)
