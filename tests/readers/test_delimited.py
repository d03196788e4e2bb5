import csv
import gzip
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretaste import readers
from foretaste.errors import UnreadableInput, UnsafeInput, WrongRole
from foretaste.files import Limits, tree
from foretaste.readers.delimited import Delimited

quick = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = [f"good morning, number {i}" for i in range(60)]
LABELS = ["ham" if i % 3 else "spam" for i in range(60)]


def written(rows, **options):
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue().encode()


def table(**options):
    return written([["text", "label"], *zip(TEXTS, LABELS, strict=True)], **options)


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_the_delimiter_is_found_out(tmp_path, walk, delimiter):
    (tmp_path / "a.csv").write_bytes(table(delimiter=delimiter))
    walked = walk(tmp_path / "a.csv")
    assert walked.source.roles == {"text": "text", "label": "label"}
    assert walked.column("text") == TEXTS
    assert walked.rows[0]["location"] == "a.csv:2"


def test_quoted_cells_may_go_over_lines_and_places_are_physical(tmp_path, walk, halves):
    rows = [
        ["text", "label"],
        ["first line\nsecond, line", "ham"],
        *zip(TEXTS, LABELS, strict=True),
    ]
    data = written(rows, lineterminator="\n")
    (tmp_path / "a.csv").write_bytes(data)
    walked = walk(tmp_path / "a.csv")
    assert walked.column("text") == ["first line\nsecond, line", *TEXTS]
    assert [row["location"] for row in walked.rows[:2]] == ["a.csv:2", "a.csv:4"]
    kept, removed, _ = halves(walked)
    parts = [(folder / "a.csv").read_bytes() for folder in (kept, removed)]
    assert all(part.startswith(b"text,label\n") for part in parts)
    assert sum(map(len, parts)) == len(data) + len(b"text,label\n")
    assert sorted(
        walk(kept / "a.csv").column("id") + walk(removed / "a.csv").column("id")
    ) == sorted(walked.column("id"))


def test_ragged_rows_and_open_quotes_are_refused_and_the_rest_is_read(tmp_path, walk):
    data = table(lineterminator="\n") + b'one cell\na,b,c\n"never closed,ham\nlast words here,ham\n'
    (tmp_path / "a.csv").write_bytes(data)
    walked = walk(tmp_path / "a.csv")
    assert walked.reasons == {
        "a.csv:62": "1 cells, where 2 were wanted",
        "a.csv:63": "3 cells, where 2 were wanted",
        "a.csv:64": "a quote that is never closed",
    }
    assert walked.column("text") == [*TEXTS, "last words here"]


def test_a_table_without_header_has_numbered_columns_and_its_label_last_or_first(tmp_path, walk):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (80, 64))
    for place in (0, 64):
        labelled = np.insert(pixels, place, rng.integers(0, 10, 80), axis=1)
        np.savetxt(tmp_path / "m.csv", labelled, fmt="%d", delimiter=",")
        walked = walk(tmp_path / "m.csv")
        assert walked.source.roles["label"] == f"column_{place + 1}"
        assert walked.rows[0]["location"] == "m.csv:1"
        assert walked.batches[0]["image"].shape == (80, 8, 8, 1)
        np.testing.assert_array_equal(walked.batches[0]["image"].reshape(80, 64), pixels)


def test_tables_of_numbers_and_categories_give_features(tmp_path, walk):
    rng = np.random.default_rng(0)
    rows = [
        [i, f"{rng.normal():.3f}", rng.choice(["oslo", "lima"]), "nan" if i == 3 else "inf", i % 2]
        for i in range(50)
    ]
    rows[7][1] = ""
    rows[8][4] = ""
    (tmp_path / "t.csv").write_bytes(written([["id", "fee", "town", "odd", "Class"], *rows]))
    walked = walk(tmp_path / "t.csv")
    assert walked.source.roles == {"label": "Class", "features": "fee,town,odd"}
    features = walked.batches[0].arrow("features")
    assert str(features.type) == "struct<fee: double, town: large_string, odd: double>"
    assert np.isnan(features.field("fee").to_numpy()[7])
    assert np.isnan(features.field("odd").to_numpy()[3])
    assert np.isinf(features.field("odd").to_numpy()[4])
    assert walked.column("label")[8] is None
    assert not walked.refused


def test_latin_text_is_read_and_noted(tmp_path, walk, halves):
    data = "text,label\n" + "".join(f"£{i} für alle Käufer,ham\n" for i in range(20))
    (tmp_path / "a.csv").write_bytes(data.encode("cp1252"))
    walked = walk(tmp_path / "a.csv")
    assert walked.column("text")[3] == "£3 für alle Käufer"
    assert walked.source.notes == ("a.csv: not UTF-8; read as Windows-1252",)
    kept, *_ = halves(walked)
    assert b"f\xfcr" in (kept / "a.csv").read_bytes()


def test_a_broken_line_in_utf8_text_is_refused(tmp_path, walk):
    lines = [f"zahl {i} für alle,ham" for i in range(20)]
    data = ("text,label\n" + "\n".join(lines)).encode().replace("7 für".encode(), b"7 f\xfcr", 1)
    (tmp_path / "a.csv").write_bytes(data)
    walked = walk(tmp_path / "a.csv")
    assert list(walked.reasons) == ["a.csv:9"]
    assert "not UTF-8" in walked.reasons["a.csv:9"]


def test_columns_of_the_same_name_are_told_apart_and_noted(tmp_path, walk):
    (tmp_path / "a.csv").write_bytes(b"text,text,\n" + b"one two three,x,y\n" * 30)
    walked = walk(tmp_path / "a.csv", {"text": "text", "label": "text_2"})
    assert walked.source.columns == ("text", "text_2", "column_3")
    assert walked.column("label")[0] == "x"
    assert "same name" in walked.source.notes[0]


def test_a_header_of_very_many_columns_is_unsafe(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a" + b",a" * 200_000 + b"\n1,2\n")
    with pytest.raises(UnsafeInput, match="cells"):
        readers.open(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"a" * 3_000_000)
    with pytest.raises(UnsafeInput, match="first line"):
        Delimited(Limits(row=1_000_000)).open(str(tmp_path / "b.csv"), {})


def test_a_row_of_very_many_cells_is_refused(tmp_path, walk):
    data = table(lineterminator="\n") + b"," * 200_000 + b"\nthe end of it,ham\n"
    (tmp_path / "a.csv").write_bytes(data)
    walked = walk(tmp_path / "a.csv")
    assert walked.reasons == {"a.csv:62": "more than 100,000 cells"}
    assert walked.column("text")[-1] == "the end of it"


def test_a_row_that_is_too_long_is_refused_and_written_whole(tmp_path):
    data = table(lineterminator="\n") + b"x" * 3_000_000 + b",ham\nthe end of it,ham\n"
    (tmp_path / "a.csv").write_bytes(data)
    source = Delimited(Limits(row=1_000_000)).open(str(tmp_path / "a.csv"), {})
    batches = list(source)
    refused = [one for batch in batches for one in batch.refused]
    assert [(one.index, one.location) for one in refused] == [(60, "a.csv:62")]
    source.write(tmp_path / "x", np.ones(62, bool))
    assert (tmp_path / "x" / "a.csv").read_bytes() == data


def test_quotes_that_mean_nothing_do_not_swallow_lines(tmp_path, walk):
    lines = [f'ham\t"hello there {i}' if i % 5 == 0 else f"spam\tsay it {i}" for i in range(40)]
    (tmp_path / "sms.tsv").write_text("\n".join(lines))
    walked = walk(tmp_path / "sms.tsv")
    assert len(walked.rows) == 40
    assert walked.source.roles == {"text": "column_2", "label": "column_1"}


def test_quotes_that_never_close_cost_no_square_of_time(tmp_path, walk):
    rows = b'x","""' * 1 + b"\n"
    (tmp_path / "a.csv").write_bytes(
        b"text,label\n" + b"good day to you,ham\n" * 300 + rows * 20_000
    )
    walked = walk(tmp_path / "a.csv")
    assert walked.found >= 300


def test_a_header_without_rows_and_an_empty_file_are_errors(tmp_path):
    for content in (b"text,label\n", b""):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(UnreadableInput):
            readers.open(tmp_path / "a.csv")


def test_a_role_that_names_no_column_says_which_was_meant(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(table()))
    with pytest.raises(WrongRole, match="did you mean 'label'"):
        readers.open(tmp_path / "a.csv.gz", {"label": "lable"})
    with pytest.raises(WrongRole, match="did you mean 'label'"):
        readers.open(tmp_path / "a.csv.gz", {"labl": "label"})


cells = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), max_size=12
)


@quick
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=15))
def test_what_is_written_as_csv_is_read_back(tmp_path, walk, rows):
    data = [["text", "label"], *([f"{a} go to sleep", b] for a, b in rows), ["to be or not", "q"]]
    (tmp_path / "a.csv").write_bytes(written(data, quoting=csv.QUOTE_ALL, lineterminator="\n"))
    walked = walk(tmp_path / "a.csv", {"text": "text", "label": "label"})
    assert walked.column("text") == [row[0] for row in data[1:]]
    assert [label or "" for label in walked.column("label")] == [r[1].strip() for r in data[1:]]


@quick
@given(
    holes=st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from(b'",\n\r\0\xff\x80a ')), min_size=1
    )
)
def test_no_corruption_crashes_and_every_row_is_accounted_for(tmp_path, walk, halves, holes):
    data = bytearray(table(lineterminator="\n"))
    for place, byte in holes:
        data[place % len(data)] = byte
    (tmp_path / "a.csv").write_bytes(bytes(data))
    try:
        walked = walk(tmp_path / "a.csv", {}, "csv")
    except (UnreadableInput, WrongRole):
        return
    everything = np.ones(walked.found, bool)
    walked.source.write(tmp_path / "all", everything)
    assert (tmp_path / "all" / "a.csv").read_bytes() == bytes(data)


def test_a_part_that_was_written_is_read_as_the_whole_was(tmp_path):
    lines = [f"ham;say it {i}\n" if i % 9 else f"spam;win a lot, now {i}\n" for i in range(40)]
    (tmp_path / "a.csv").write_text("".join(lines))
    source = readers.open(tmp_path / "a.csv")
    assert source.columns == ("column_1", "column_2")
    one = np.arange(40) == 0
    source.write(tmp_path / "out", one)
    part = replace(source, rows=replace(source.rows, tree=tree(f"{tmp_path}/out/a.csv", str)))
    assert [batch["text"].tolist() for batch in part if len(batch)] == [["win a lot, now 0"]]
