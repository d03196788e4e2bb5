import json

import fsspec
import pytest

from foretaste import readers
from foretaste.errors import UnknownFormat, UnreadableInput, WrongRole

LINE = json.dumps({"text": "good morning to you", "label": "ham"}) + "\n"


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(UnreadableInput, match="there is nothing"):
        readers.open(tmp_path / "none.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableInput, match="no files"):
        readers.open(tmp_path / "empty")
    (tmp_path / "zero.bin").write_bytes(b"")
    with pytest.raises(UnreadableInput, match="is empty"):
        readers.open(tmp_path / "zero.bin")


def test_an_unknown_format_says_what_was_found_and_what_is_readable(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    with pytest.raises(UnknownFormat, match=r"beginning with .*readable are .*parquet"):
        readers.open(tmp_path / "a.bin")


def test_the_content_counts_more_than_the_name(tmp_path):
    (tmp_path / "rows").write_text(LINE * 30)
    assert readers.open(tmp_path / "rows").format.startswith("jsonl")


def test_any_file_system_will_do():
    with fsspec.open("memory://set/a.jsonl", "w") as out:
        out.write(LINE * 30)
    source = readers.open("memory://set/a.jsonl")
    assert sum(map(len, source)) == 30
    assert sum(map(len, readers.open("memory://set"))) == 30


def test_links_out_of_the_tree_are_refused_and_counted(tmp_path, walk):
    (tmp_path / "secret.jsonl").write_text(LINE)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text(LINE * 5)
    (tmp_path / "in" / "b.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (tmp_path / "in" / "c.jsonl").symlink_to("a.jsonl")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.jsonl").write_text(LINE)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    walked = walk(tmp_path / "in")
    assert list(walked.reasons) == ["b.jsonl", "folder"]
    assert walked.reasons["folder"] == "a link that leads out of the data set"
    assert len(walked.rows) == 10


def test_roles_can_be_said_or_taken_away(tmp_path, walk):
    rows = [{"a": f"one two three {i}", "b": f"four five six {i}", "c": i % 2} for i in range(40)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert walk(tmp_path / "a.jsonl").source.roles == {"text": "a", "label": "c"}
    assert walk(tmp_path / "a.jsonl", {"text": "b", "label": ""}).source.roles == {"text": "b"}
    said = walk(tmp_path / "a.jsonl", {"prompt": "a", "response": "b"})
    assert said.source.format == "jsonl/prompt-completion"
    assert said.rows[0]["response"] == "four five six 0"
    with pytest.raises(WrongRole, match="one column"):
        readers.open(tmp_path / "a.jsonl", {"label": "a,b"})


def test_formats_can_be_named(tmp_path):
    (tmp_path / "a.txt").write_text(LINE * 30)
    assert readers.open(tmp_path / "a.txt", only="jsonl").format.startswith("jsonl")


def test_files_of_other_formats_are_passed_over_and_noted(tmp_path, walk):
    (tmp_path / "a.jsonl").write_text(LINE * 5)
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    (tmp_path / "README.md").write_text("about")
    walked = walk(tmp_path, only="jsonl")
    assert walked.source.notes == ("not read, being of other formats: README.md, b.parquet",)


def test_a_format_that_is_named_is_looked_for_under_any_name(tmp_path, walk):
    (tmp_path / "a.txt").write_text(LINE * 5)
    (tmp_path / "b.txt").write_text(LINE * 5)
    assert len(walk(tmp_path, only="jsonl").rows) == 10
    assert len(walk(str(tmp_path / "*.txt"), only="jsonl").rows) == 10
