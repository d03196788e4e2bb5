"""Files that a crash cannot tear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.durable import add_line, whole_lines, write_durably


@given(st.lists(st.binary().filter(lambda b: b"\n" not in b), max_size=5), st.binary(max_size=9))
def test_a_torn_line_never_costs_another(tmp_path_factory, lines, torn):
    path = tmp_path_factory.mktemp("lines") / "lines"
    for line in lines:
        add_line(path, line)
    if lines:
        with path.open("ab") as file:
            file.write(torn.replace(b"\n", b""))
        assert whole_lines(path) == lines
    add_line(path, b"last")
    assert whole_lines(path) == [*lines, b"last"]


def test_a_torn_line_longer_than_a_block_goes_whole(tmp_path):
    path = tmp_path / "lines"
    add_line(path, b"first")
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    add_line(path, b"last")
    assert path.read_bytes() == b"first\nlast\n"


def test_a_write_that_fails_leaves_what_was(tmp_path):
    path = tmp_path / "file"
    write_durably(path, b"old")
    (tmp_path / "file.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert whole_lines(tmp_path / "nothing") == []
