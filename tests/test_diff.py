import json

import pytest

from foretaste import readers
from foretaste.diff import diff
from foretaste.errors import BadRecord
from foretaste.record import Verdict
from tests.scans import write_scan


def scanned(folder, texts, attacked=(), dirty=(), verdict=Verdict.POISONED):
    folder.mkdir()
    rows = [
        text if text.startswith("{") else json.dumps({"text": text, "label": "a"}) for text in texts
    ]
    (folder / "set.jsonl").write_text("\n".join(rows) + "\n")
    source = readers.open(folder / "set.jsonl")
    return write_scan(source, folder / "scan", attacked, dirty, verdict=verdict)


def test_rows_and_findings_are_told_apart(tmp_path):
    old = scanned(tmp_path / "old", ["a", "b", "b", "c", "d"], {0}, {3}, Verdict.POISONED)
    new = scanned(tmp_path / "new", ["b", "d", "c", "e", "e"], {3}, {2}, Verdict.DIRTY)
    change = diff(old, new)
    assert (change.rows.added, change.rows.removed, change.rows.unchanged) == (2, 2, 3)
    assert (change.new.count, change.gone.count, change.still.count) == (1, 1, 1)
    assert change.new.shown[0].location == "set.jsonl:4"
    assert change.gone.shown[0].location == "set.jsonl:1"
    assert change.still.shown[0].detector == "flip"
    assert change.verdict_changed


def test_shuffled_rows_are_no_change(tmp_path):
    texts = [f"text {i % 7}" for i in range(20)]
    old = scanned(tmp_path / "old", texts, {0, 7}, {1})
    new = scanned(tmp_path / "new", texts[::-1], {19, 12}, {18})
    change = diff(old, new)
    assert (change.rows.added, change.rows.removed, change.rows.unchanged) == (0, 0, 20)
    assert (change.new.count, change.gone.count, change.still.count) == (0, 0, 3)
    assert not change.verdict_changed


def test_a_copy_of_an_accused_row_is_a_new_finding(tmp_path):
    old = scanned(tmp_path / "old", ["a", "b"], {0})
    new = scanned(tmp_path / "new", ["a", "b", "a"], {0, 2})
    change = diff(old, new)
    assert (change.new.count, change.new.rows, change.still.count) == (1, 1, 1)


def test_unreadable_rows_are_known_by_where_they_stand(tmp_path):
    old = scanned(tmp_path / "old", ["a", "{", "b", "{"])
    new = scanned(tmp_path / "new", ["a", "{", "b", "c", "{"])
    change = diff(old, new)
    assert (change.new.count, change.gone.count, change.still.count) == (1, 1, 1)


def test_what_is_no_scan_is_a_clear_error(tmp_path):
    old = scanned(tmp_path / "old", ["a"])
    with pytest.raises(BadRecord, match="no finished scan"):
        diff(old, tmp_path)
    (old / "rows.parquet").write_bytes(b"no table")
    with pytest.raises(BadRecord, match="compared"):
        diff(old, old)
