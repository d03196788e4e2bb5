import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretaste import readers
from foretaste.errors import BadInput, UnreadableInput, UnsafeInput
from foretaste.files import Limits
from foretaste.readers.json_array import JsonArray

ROWS = [
    {"text": f"good [morning] number {i}", "label": "ham" if i % 3 else "spam"} for i in range(40)
]
TEXTS = [row["text"] for row in ROWS]
quick = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_is_read_and_written_element_by_element(tmp_path, walk, halves, indent):
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=indent))
    walked = walk(tmp_path / "a.json")
    assert walked.source.format == "json"
    assert walked.column("text") == TEXTS
    assert walked.rows[1]["location"] == ("a.json:6" if indent else "a.json:1")
    kept, removed, chosen = halves(walked)
    for folder, mask in ((kept, chosen), (removed, ~chosen)):
        some = json.loads((folder / "a.json").read_text())
        assert some == [row for row, yes in zip(ROWS, mask, strict=True) if yes]


def test_an_array_inside_an_object_keeps_what_is_around_it(tmp_path, walk, halves):
    whole = {"version": 1, "data": ROWS, "end": {"a": [1]}}
    (tmp_path / "a.json").write_text(json.dumps({"data": ROWS, "version": 1, "end": [1]}))
    walked = walk(tmp_path / "a.json")
    assert walked.column("text") == TEXTS
    kept, removed, _ = halves(walked)
    some = [json.loads((folder / "a.json").read_text()) for folder in (kept, removed)]
    assert all(one["version"] == 1 and one["end"] == [1] for one in some)
    assert len(some[0]["data"]) + len(some[1]["data"]) == len(whole["data"])


def test_objects_one_after_another_are_read(tmp_path, walk, halves):
    (tmp_path / "a.json").write_text("\n".join(json.dumps(row, indent=2) for row in ROWS))
    walked = walk(tmp_path / "a.json")
    assert walked.column("text") == TEXTS
    kept, removed, _ = halves(walked)
    assert len(walk(kept / "a.json").rows) + len(walk(removed / "a.json").rows) == 40


def test_lines_in_a_json_file_are_json_lines(tmp_path, walk):
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, ROWS)))
    walked = walk(tmp_path / "a.json")
    assert walked.source.format == "jsonl"
    assert walked.rows[3]["location"] == "a.json:4"


def test_broken_elements_are_refused_and_the_walk_goes_on(tmp_path, walk):
    some = [json.dumps(row) for row in ROWS]
    some[3], some[5], some[9] = '{"text": oops [}] }', "17", '["no object"]'
    (tmp_path / "a.json").write_text("[\n" + ",\n".join(some) + "\n]")
    walked = walk(tmp_path / "a.json")
    assert len(walked.rows) == 37
    assert {"a.json:5", "a.json:7", "a.json:11"} <= set(walked.reasons)


def test_an_array_that_is_cut_off_gives_its_rows_and_one_refusal(tmp_path, walk):
    data = json.dumps(ROWS)
    (tmp_path / "a.json").write_text(data[: len(data) - 20])
    walked = walk(tmp_path / "a.json")
    assert len(walked.rows) == 39
    assert "cut off" in walked.refused[0].reason


def test_elements_longer_than_a_block_and_packed_files_are_read(tmp_path, walk):
    rows = [{"text": "word " * 700_000, "label": "a"}, *ROWS]
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    assert walk(tmp_path / "a.json.gz").column("text")[0] == "word " * 700_000
    with pytest.raises(UnsafeInput, match="longer than"):
        list(JsonArray(Limits(row=1_000_000)).open(str(tmp_path / "a.json.gz"), {}))


def test_nothing_in_it_is_an_error(tmp_path):
    for content in ("", "[]", "[ ]", "{"):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(UnreadableInput):
            list(readers.open(tmp_path / "a.json", {}, "json"))


@quick
@given(
    holes=st.lists(
        st.tuples(st.integers(0, 9_999), st.sampled_from(b'[]{}",:\\\n\xff 1')), min_size=1
    )
)
def test_no_corruption_crashes_and_every_row_is_accounted_for(tmp_path, walk, holes):
    data = bytearray(json.dumps(ROWS).encode())
    for place, byte in holes:
        data[place % len(data)] = byte
    (tmp_path / "a.json").write_bytes(bytes(data))
    try:
        walk(tmp_path / "a.json", {}, "json")
    except BadInput:
        return


def test_a_string_that_never_ends_costs_one_row_of_a_long_file(tmp_path, walk):
    rows = [{"text": f"word {i} " * 300, "label": "a"} for i in range(200)]
    data = json.dumps(rows).replace('{"text": "word 7 ', '{"text": word 7 ', 1)
    (tmp_path / "a.json").write_text(data)
    walked = walk(tmp_path / "a.json")
    assert len(walked.rows) == 199
    assert walked.found == 200


def test_stray_brackets_do_not_end_the_walk(tmp_path, walk):
    some = [json.dumps(row) for row in ROWS]
    some[5] = some[5] + "]"
    (tmp_path / "a.json").write_text("[" + ", ".join(some) + "]")
    assert walk(tmp_path / "a.json").column("text") == TEXTS
