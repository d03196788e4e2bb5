import pytest

from foretaste.errors import UnreadableInput
from foretaste.files import tree


def jsonl(name):
    return name.endswith(".jsonl")


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.jsonl", "b/10.jsonl", "a.jsonl", ".hidden/x.jsonl", ".x.jsonl", "read.me"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_files_are_in_order_of_names_and_hidden_ones_are_left(folder):
    found = tree(str(folder), jsonl)
    assert [entry.name for entry in found.entries] == ["a.jsonl", "b/10.jsonl", "b/2.jsonl"]
    assert found.passed_over == ("read.me",)
    assert not found.single


def test_globs_and_single_files_are_trees_too(folder):
    assert [e.name for e in tree(f"{folder}/b/*.jsonl", jsonl).entries] == ["10.jsonl", "2.jsonl"]
    assert len(tree(f"{folder}/*/*.jsonl", jsonl).entries) == 2
    assert tree(f"{folder}/a.jsonl", jsonl).single


def test_files_beside_the_data_are_read_only_inside_and_up_to_a_limit(folder):
    found = tree(str(folder), jsonl)
    assert found.read("read.me", 10) == b"x"
    for name in ("../secret", "/etc/passwd", "b/../../x"):
        with pytest.raises(UnreadableInput, match="leads out"):
            found.read(name, 10)
    with pytest.raises(UnreadableInput, match="larger"):
        found.read("read.me", 0)


def test_a_glob_that_matches_nothing_says_so(folder):
    with pytest.raises(UnreadableInput, match="nothing matches"):
        tree(f"{folder}/*.csv", jsonl)
