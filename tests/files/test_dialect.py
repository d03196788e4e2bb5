import pytest

from foretaste.files.dialect import sniffed, titles


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ("a,b\n1,2\n3,4\n", ",", True),
        ("1,2\n3,4\n", ",", False),
        ("v1\tv2\nham\tgo now\nspam\twin it\n", "\t", True),
        ("ham\tgo now\nspam\twin it\nham\tcome on\n", "\t", False),
        ("text\nhello, you\nwell, no\n", ",", True),
        ("name;size\nx, y and z;1\nq;2\n", ";", True),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", ",", False),
        ('"a","b"\n"x, y","z"\n"p; q","r"\n', ",", True),
    ],
)
def test_delimiter_and_header_are_found_out(text, delimiter, header):
    found = sniffed(text.splitlines(keepends=True))
    assert (found.delimiter, found.header) == (delimiter, header)


def test_free_quotes_mean_nothing_where_every_line_is_a_row_without_them():
    lines = [f'ham\t"free quote {i}\n' if i % 3 else f"spam\tplain {i}\n" for i in range(30)]
    assert not sniffed(lines).quoted
    assert sniffed(['a,"b\nc"\n'.replace("\n", "") + "\n"] * 5).quoted


def test_a_quote_in_a_single_row_over_lines_is_a_quote():
    lines = ["text,label\n", '"one\n', 'two",ham\n', "three,spam\n", "four,ham\n"]
    assert sniffed(lines).quoted


def test_names_are_never_empty_or_double_however_many_there_are():
    names, twice = titles(["a"] * 500 + [""])
    assert len(set(names)) == 501
    assert len(twice) == 499
