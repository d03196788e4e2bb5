"""Outsiders can recompute a row's digest, and no two rows share one."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste import readers
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.versions import encoded, row_digests

PAGE = Path(__file__).parents[2] / "docs/versions.md"


def on_the_page():
    """The program on docs/versions.md, which shares no code with the package."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    [program] = [block for block in blocks if "def digest_of" in block]
    assert "foretaste" not in program
    found = {}
    exec(program, found)
    return found


THEIRS = on_the_page()


def outsider(row):
    return THEIRS["digest_of"](row).hex()


def hexes(batch):
    return [digest.tobytes().hex() for digest in row_digests(batch)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats() | st.none()
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "label": TEXTS | st.none(),
            "text": TEXTS | st.none(),
            "image": st.binary(max_size=9) | st.none(),
            "rating": NUMBERS,
            "features": st.fixed_dictionaries({"age": NUMBERS, "town": TEXTS | st.none()}),
            "user": st.integers(-(2**63), 2**63 - 1) | st.none(),
            "seen": st.booleans() | st.none(),
            "boxes": st.lists(
                st.fixed_dictionaries({"left": NUMBERS, "name": TEXTS | st.none()}) | st.none(),
                max_size=3,
            )
            | st.none(),
        }
    ),
    min_size=1,
    max_size=6,
)
TYPES = {
    "label": pa.large_string(),
    "text": pa.string(),
    "image": pa.binary(),
    "rating": pa.float64(),
    "features": pa.struct({"age": pa.float64(), "town": pa.string()}),
    "user": pa.int64(),
    "seen": pa.bool_(),
    "boxes": pa.list_(pa.struct({"left": pa.float64(), "name": pa.string()})),
}


def batch_of(rows):
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}
    return Batch([""] * len(rows), columns)


@given(ROWS)
def test_an_outsider_with_the_page_alone_gets_the_same_digests(rows):
    assert hexes(batch_of(rows)) == [outsider(row) for row in rows]


@given(ROWS)
def test_a_row_has_the_same_digest_alone_as_in_company(rows):
    whole = batch_of(rows)
    alone = [hexes(whole.take([at]))[0] for at in range(len(whole))]
    assert hexes(whole) == alone


def plain(value):
    """A value so that two are equal if and only if they say the same."""
    if isinstance(value, dict):
        said = {name: plain(inner) for name, inner in value.items()}
        return {name: inner for name, inner in said.items() if inner is not None}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if value != value else value


def flat(row):
    """A row without structs, in which nothing and a struct of nothing are the same."""
    said = plain(row)
    return {**said, **said.pop("features", {})}


@given(ROWS, ROWS)
def test_rows_that_differ_have_digests_that_differ(one, other):
    first, second = batch_of(one), batch_of(other)
    for row, a in zip(one, hexes(first), strict=True):
        for another, b in zip(other, hexes(second), strict=True):
            assert (a == b) == (flat(row) == flat(another))


@pytest.mark.parametrize("kind", ["u1", "<i2", "<f4", "<f8"])
def test_arrays_are_told_with_type_and_shape(kind):
    images = np.arange(24).astype(kind).reshape(2, 3, 4)
    found = hexes(Batch(list("ab"), {"pixels": images, "label": ["x", "yy"]}))
    wanted = [
        {"pixels": image, "label": name} for image, name in zip(images, ("x", "yy"), strict=True)
    ]
    assert found == [outsider(row) for row in wanted]
    turned = Batch(list("ab"), {"pixels": images.reshape(2, 4, 3), "label": ["x", "yy"]})
    assert set(found).isdisjoint(hexes(turned))


def test_an_array_that_is_missing_is_left_out():
    images = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6, dtype="u1").reshape(3, 2))
    storage = pa.array([[0, 1], None, [4, 5]], pa.list_(pa.uint8(), 2))
    gaps = pa.ExtensionArray.from_storage(images.type, storage)
    found = hexes(Batch(list("abc"), {"image": gaps, "text": ["p", "q", "r"]}))
    assert found[1] == outsider({"text": "q"})
    assert found[2] == outsider({"text": "r", "image": np.array([4, 5], "u1")})


def test_class_codes_are_told_by_the_names_of_their_classes():
    coded = Batch(list("abc"), {"label": [1, 0, -1]}, classes=["ham", "spam"])
    named = Batch(list("abc"), {"label": pa.array(["spam", "ham", None])})
    assert hexes(coded) == hexes(named)
    assert hexes(Batch(["a"], {"label": [7]})) == [outsider({"label": "7"})]


def test_where_a_row_stands_is_not_part_of_it():
    row = Batch(["a"], {"text": ["hi"]})
    moved = row.having(index=[7], location=["rows.csv:9"])
    assert hexes(row) == hexes(moved)


def test_who_gave_a_row_and_when_is_part_of_it():
    row = Batch(["a"], {"text": ["hi"], "source": ["a.example"], "time": [1.0]})
    assert hexes(row) != hexes(row.having(source=["b.example"]))
    assert hexes(row) != hexes(row.having(time=[2.0]))


def test_bytes_may_be_put_in_front_of_each_row():
    rows = Batch(list("ab"), {"text": ["hi", "you"]})
    plain, led = encoded(rows).to_pylist(), encoded(rows, b"\0").to_pylist()
    assert led == [b"\0" + one for one in plain]


def test_no_rows_have_no_digests():
    assert row_digests(Batch([], {"text": [], "pixels": np.empty((0, 2, 2))})).shape == (0, 32)


def test_a_type_without_canonical_bytes_is_refused_by_name():
    rows = Batch(["a"], {"day": pa.array([0], pa.date32())})
    with pytest.raises(BadInput, match="date"):
        encoded(rows)


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(BadInput, match="65,535"):
        encoded(Batch(["a"], {"n" * 70_000: [1.0]}))


TABLE = {
    "label": ["ham", "spam", "ham", "spam"] * 8,
    "text": [f'so "quoted", näh {i}\nline' if i % 3 else f"plain {i}" for i in range(32)],
    "age": [i / 7 for i in range(32)],
    "town": ["Łódź", "Rome", None, "Oslo"] * 8,
}


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "arrow"])
def test_the_same_rows_in_another_format_have_the_same_digests(tmp_path, suffix):
    frame = pl.DataFrame(TABLE)
    path = tmp_path / f"rows.{suffix}"
    writers = {
        "csv": frame.write_csv,
        "parquet": frame.write_parquet,
        "jsonl": frame.write_ndjson,
        "arrow": frame.write_ipc,
    }
    writers[suffix](path)
    roles = {"label": "label", "text": "text", "features": "age,town"}
    read = [digest for batch in readers.open(path, roles) for digest in hexes(batch)]
    wanted = [
        outsider({"label": label, "text": text, "features": {"age": age, "town": town}})
        for label, text, age, town in zip(*TABLE.values(), strict=True)
    ]
    assert read == wanted
