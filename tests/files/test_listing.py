import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput, UnreadableInput, WrongChecksum
from foretaste.files.listing import compare, listing, read_listing

NAMES = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), min_size=1)


def opened(files):
    return lambda name: io.BytesIO(files[name])


@given(st.dictionaries(NAMES, st.binary(max_size=9), max_size=5))
def test_a_list_fits_the_files_it_was_made_of_and_no_others(files):
    lines = read_listing(listing(files, opened(files)), "list")
    assert set(lines) == set(files)
    compare(files, opened(files), lines)
    for name in files:
        changed = {**files, name: files[name] + b"!"}
        with pytest.raises(WrongChecksum):
            compare(files, opened(changed), lines)
        with pytest.raises(WrongChecksum):
            compare([one for one in files if one != name], opened(files), lines)
        with pytest.raises(WrongChecksum):
            compare(files, opened(files), {k: v for k, v in lines.items() if k != name})


def test_a_name_that_comes_twice_and_what_is_no_line_are_refused():
    line = "0" * 64 + "  a\n"
    for content in (line * 2, "a\n", "0" * 63 + "  a\n", line[:-1] + "\n\0\n"):
        with pytest.raises(UnreadableInput, match="no line of sha256sum"):
            read_listing(content.encode(), "list")


@given(st.binary())
def test_any_bytes_are_a_list_or_an_error_of_ours(content):
    with contextlib.suppress(BadInput):
        lines = read_listing(content, "list")
        assert all(len(digest) == 64 for digest in lines.values())
