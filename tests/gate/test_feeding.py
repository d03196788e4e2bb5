"""Streams some at a time: whatever the bytes, every record is counted and none costs another."""

import json
import os
import threading
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput
from foretaste.gate.feeding import fed, stored
from foretaste.gate.form import Form

FORM = Form.of({
    "roles": {"text": ["t"]},
    "fields": {"t": {"kind": "text"}, "n": {"kind": "number"}},
    "largest": 200,
})  # fmt: skip


def together(parts):
    rows, faults = [], {}
    for part in parts:
        faults.update({len(rows) + at: why for at, why in part.faults.items()})
        rows += part.rows
    return rows, faults


@given(st.binary(max_size=600), st.sampled_from(["ndjson", "csv", None]))
def test_any_bytes_give_rows_and_faults(content, format):
    rows, faults = together(fed(BytesIO(content), FORM, format))
    assert all(0 <= at < len(rows) for at in faults)
    assert all(rows[at] == {} for at in faults)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=9))
def test_lines_of_json_come_back_whole(texts):
    body = "".join(json.dumps({"t": text}) + "\n" for text in texts)
    rows, faults = together(fed(BytesIO(body.encode()), FORM))
    assert ([row["t"] for row in rows], faults) == (texts, {})


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_a_line_that_is_too_long_is_one_record(format):
    good = {"ndjson": b'{"t": "a"}\n', "csv": b"a,1\n"}[format]
    head = b"t,n\n" if format == "csv" else b""
    body = head + good + b'{"t": "' + b"x" * 1_000_000 + b'"}\n' + good
    rows, faults = together(fed(BytesIO(body), FORM, format))
    assert [row.get("t") for row in rows] == ["a", None, "a"]
    assert "longer" in faults[1]


def test_a_byte_order_mark_is_no_part_of_the_first_record():
    rows, faults = together(fed(BytesIO(b'\xef\xbb\xbf{"t": "a"}'), FORM))
    assert (rows, faults) == ([{"t": "a"}], {})


def test_what_has_come_is_read_without_waiting_for_more():
    out, into = os.pipe()
    with os.fdopen(out, "rb") as stream, os.fdopen(into, "wb", 0) as sender:
        parts = fed(stream, FORM)
        sender.write(b'{"t": "first"}\n')
        assert next(parts).rows == [{"t": "first"}]
        later = threading.Timer(0.05, lambda: sender.write(b'{"t": "second"}\n'))
        later.start()
        assert next(parts).rows == [{"t": "second"}]
        later.join()


def test_stored_records_come_in_order_with_those_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"t": "a"}\n{broken\n\n{"t": "b"}\n')
    rows, faults = together(stored(str(path), FORM))
    assert rows == [{"t": "a"}, {}, {"t": "b"}]
    assert [*faults] == [1]


def test_stored_records_may_be_of_any_format(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": ["a", None], "n": [1, 2]}), path)
    rows, faults = together(stored(str(path), FORM))
    assert (rows, faults) == ([{"t": "a", "n": 1}, {"t": None, "n": 2}], {})


def test_other_formats_are_not_read_from_standard_input():
    with pytest.raises(BadInput, match="ndjson or csv"):
        list(fed(BytesIO(b"{}"), FORM, "parquet"))
