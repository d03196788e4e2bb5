import gzip
import json

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretaste import readers
from foretaste.data import content_id
from foretaste.errors import UnreadableInput
from foretaste.files import Limits
from foretaste.readers.json_lines import JsonLines

ROWS = [
    {"text": f"good morning number {i}", "label": "ham" if i % 3 else "spam"} for i in range(50)
]
quick = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_each_line_is_a_row_with_roles_and_place(tmp_path, walk):
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS))
    walked = walk(tmp_path / "a.jsonl")
    assert walked.source.format == "jsonl"
    assert walked.source.roles == {"text": "text", "label": "label"}
    assert walked.column("text") == [row["text"] for row in ROWS]
    assert walked.rows[7]["location"] == "a.jsonl:8"
    assert walked.rows[0]["id"] == content_id(b"label", b"spam", b"text", b"good morning number 0")


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "ndjson"])
def test_packing_is_seen_through_and_kept(tmp_path, walk, halves, kind):
    pack = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}
    plain = lines(ROWS)
    (tmp_path / f"a.{kind}").write_bytes(pack.get(kind[-3:].strip("."), bytes)(plain))
    walked = walk(tmp_path / f"a.{kind}")
    assert len(walked.rows) == 50
    kept, removed, chosen = halves(walked)
    again = walk(kept / f"a.{kind}")
    assert again.column("text") == [r["text"] for r, yes in zip(ROWS, chosen, strict=True) if yes]
    assert (kept / f"a.{kind}").read_bytes()[:2] == (tmp_path / f"a.{kind}").read_bytes()[:2]
    assert len(walk(removed / f"a.{kind}").rows) == (~chosen).sum()


def test_broken_lines_are_refused_where_they_stand_and_written_as_they_came(tmp_path, walk, halves):
    bad = [
        b'{"text": "cut',
        b"[1]",
        b"\xff\xfe{}",
        b'{"label": "ham"}',
        b'{"a":1} x',
        b"[" * 90_000,
    ]
    bad = [*bad, '{"text": "guten Morgen Köln"}'.encode(), '{"text": "grüß Gott"}'.encode()]
    data = lines(ROWS[:3]) + b"\n" + b"\r\n".join(bad) + b"\n\n" + lines(ROWS[3:])
    (tmp_path / "a.jsonl").write_bytes(data)
    walked = walk(tmp_path / "a.jsonl")
    assert len(walked.rows) == 52
    assert sorted(walked.reasons) == [f"a.jsonl:{n}" for n in (10, 5, 6, 7, 8, 9)]
    assert "not UTF-8" in walked.reasons["a.jsonl:7"]
    assert "nested too deep" in walked.reasons["a.jsonl:10"]
    kept, removed, _ = halves(walked)
    parts = [(folder / "a.jsonl").read_bytes() for folder in (kept, removed)]
    assert sorted(b"".join(parts).split(b"\n")) == sorted(data.split(b"\n"))
    assert sum(map(len, parts)) == len(data)


def test_a_folder_is_one_data_set_in_order_of_names(tmp_path, walk, halves):
    (tmp_path / "in" / "b").mkdir(parents=True)
    (tmp_path / "in" / "a.jsonl").write_bytes(lines(ROWS[:20]))
    (tmp_path / "in" / "b" / "c.jsonl.gz").write_bytes(gzip.compress(lines(ROWS[20:])))
    (tmp_path / "in" / "README.md").write_text("about")
    walked = walk(tmp_path / "in")
    assert walked.column("text") == [row["text"] for row in ROWS]
    assert walked.rows[20]["location"] == "b/c.jsonl.gz:1"
    kept, removed, _ = halves(walked)
    assert len(walk(kept).rows) + len(walk(removed).rows) == 50
    assert len(walk(str(tmp_path / "in" / "*.jsonl")).rows) == 20


def test_a_cut_off_file_is_an_error_alone_and_a_refusal_among_others(tmp_path, walk, halves):
    packed = gzip.compress(lines(ROWS))
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UnreadableInput, match="cut off"):
        list(readers.open(tmp_path / "a.jsonl.gz"))
    (tmp_path / "b.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "empty.jsonl").write_bytes(b"")
    walked = walk(tmp_path)
    assert "cut off" in walked.reasons["a.jsonl.gz"]
    assert walked.reasons["empty.jsonl"] == "no rows in it"
    assert sum(row["location"].startswith("b.jsonl") for row in walked.rows) == 50
    kept, removed, chosen = halves(walked)
    rows = sum(
        len(readers.open(folder / "b.jsonl").__iter__().__next__()) for folder in (kept, removed)
    )
    assert rows == 50
    assert len(chosen) == walked.found


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    with pytest.raises(UnreadableInput):
        readers.open(tmp_path / "a.jsonl")


def test_lines_that_are_too_long_are_refused_and_written_whole(tmp_path, halves):
    rows = lines(ROWS[:3]) + b'{"text": "' + b"a" * 3_000_000 + b'"}\n' + lines(ROWS[3:6])
    (tmp_path / "a.jsonl").write_bytes(rows)
    source = JsonLines(Limits(row=1_000_000)).open(str(tmp_path / "a.jsonl"), {})
    batches = list(source)
    assert sum(map(len, batches)) == 6
    refused = [one for batch in batches for one in batch.refused]
    assert [(one.index, one.location) for one in refused] == [(3, "a.jsonl:4")]
    source.write(tmp_path / "x", np.ones(7, bool))
    assert (tmp_path / "x" / "a.jsonl").read_bytes() == rows


def test_labels_and_texts_may_be_missing_of_any_type_or_odd(tmp_path, walk):
    rows = [
        {"text": "one two three", "label": 1},
        {"text": "two three four", "label": None},
        {"text": "three four five"},
        {"text": "lone \ud800 surrogate", "label": 1.0},
        {"text": 5, "label": True},
        {"text": float("nan"), "label": "x"},
    ]
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    walked = walk(tmp_path / "a.jsonl", {"text": "text"})
    assert walked.column("label") == ["1", None, None, "1", "true"]
    assert walked.column("text")[3:] == ["lone ? surrogate", "5"]
    assert "nothing to judge" in walked.reasons["a.jsonl:6"]


def test_utf16_and_byte_order_marks_survive(tmp_path, walk, halves):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    for coding in ("utf-16-le", "utf-16-be", "utf-8"):
        mark = "\ufeff".encode(coding)
        (tmp_path / "a.jsonl").write_bytes(mark + text.encode(coding))
        walked = walk(tmp_path / "a.jsonl")
        assert walked.column("text") == [row["text"] for row in ROWS]
        kept, removed, _ = halves(walked)
        for folder in (kept, removed):
            assert (folder / "a.jsonl").read_bytes().startswith(mark)
        assert len(walk(kept / "a.jsonl").rows) + len(walk(removed / "a.jsonl").rows) == 50


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@quick
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"text": st.text(min_size=1)}, optional={"label": st.text(), "more": values}
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_written_as_json_lines_is_read_back(tmp_path, walk, rows):
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    walked = walk(tmp_path / "a.jsonl", {"text": "text"})
    assert walked.column("text") == [
        row["text"].encode("utf-8", "replace").decode() for row in rows
    ]


@quick
@given(
    holes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=40),
    cut=st.integers(1, 4_000),
)
def test_no_corruption_crashes_and_every_row_is_accounted_for(tmp_path, walk, halves, holes, cut):
    data = bytearray(lines(ROWS)[: max(300, cut)])
    for place, byte in holes:
        data[place % len(data)] = byte
    (tmp_path / "a.jsonl").write_bytes(bytes(data))
    try:
        walked = walk(tmp_path / "a.jsonl", {}, "json_lines")
    except UnreadableInput:
        return
    parts = [
        (folder / "a.jsonl").read_bytes() if (folder / "a.jsonl").exists() else b""
        for folder in halves(walked)[:2]
    ]
    assert sorted(b"".join(parts)) == sorted(data) or data.startswith(b"\xef\xbb\xbf")
    for folder in ("kept", "removed"):
        (tmp_path / "out" / folder / "a.jsonl").unlink(missing_ok=True)
