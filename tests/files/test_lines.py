from hypothesis import given
from hypothesis import strategies as st

from foretaste.files.lines import lines_of, prepared, writing_of


@given(data=st.binary(max_size=60), step=st.integers(1, 7), limit=st.integers(1, 9))
def test_lines_are_those_of_the_file_wherever_blocks_end(data, step, limit):
    data = data.replace(b"a", b"\n").replace(b"\x01", b"\n")
    blocks = [data[i : i + step] for i in range(0, len(data), step)]
    joined = {}
    for lines in lines_of(blocks, limit):
        assert lines.long <= (len(lines.raws) == 1)
        for number, raw in enumerate(lines.raws, lines.first):
            joined[number] = joined.get(number, b"") + raw
    assert list(joined) == list(range(1, len(joined) + 1))
    assert list(joined.values()) == data.split(b"\n")[:-1] * 0 + _lines(data)


def _lines(data):
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


@given(text=st.text(), step=st.integers(1, 5), coding=st.sampled_from(["utf-16-le", "utf-16-be"]))
def test_wide_text_becomes_utf8_and_goes_back(text, step, coding):
    data = ("\ufeff" + text).encode(coding)
    blocks = [data[: 2 + step], *(data[i : i + step] for i in range(2 + step, len(data), step))]
    writing, body = prepared(blocks)
    narrow = b"".join(body)
    assert narrow.decode() == text
    assert writing.lead + writing.back(narrow) == data


def test_one_broken_line_among_good_ones_does_not_change_the_encoding():
    good = "für alle\n".encode()
    assert writing_of(good * 3 + b"f\xfcr\n").encoding == "utf-8"
    assert writing_of(good + b"f\xfcr\n" * 3).encoding == "cp1252"
