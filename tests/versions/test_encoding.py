"""Outsiders can recompute a row's digest, and no two rows share one."""

import hashlib
import math
import struct

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


# What follows was written from docs/versions.md and shares no code with the package.
def outsider(row):
    """The digest of a row: a mapping of names to plain values, arrays as numpy's."""
    return hashlib.sha256(b"\0\1" + told_fields(flat(row))).hexdigest()


def flat(row):
    found = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}\0{field}": inner for field, inner in value.items()}
        elif name not in ("index", "location"):
            found[name] = value
    return found


def told_fields(fields):
    out = b""
    for name, value in sorted((name.encode(), told(value)) for name, value in fields.items()):
        if value:
            out += struct.pack(">H", len(name)) + name + value
    return out


def told(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return b""
    if isinstance(value, str):
        kind, said = b"s", value.encode()
    elif isinstance(value, bytes):
        kind, said = b"b", value
    elif isinstance(value, np.ndarray):
        sides = ",".join(str(side) for side in value.shape)
        kind, said = b"t", f"{value.dtype.str} {sides}\0".encode() + value.tobytes("C")
    elif isinstance(value, list):
        kind, said = b"l", b"".join(told(one) or b"n\0\0\0\0" for one in value)
    elif isinstance(value, dict):
        kind, said = b"d", told_fields(value)
    elif abs(value) > 2**53 and isinstance(value, int):
        kind, said = b"i", str(value).encode()
    else:
        kind, said = b"f", struct.pack(">d", value or 0.0)
    return kind + struct.pack(">I", len(said)) + said


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


def canonical(row):
    """What two rows have to share to be the same row."""
    return told_fields(flat(row))


@given(ROWS, ROWS)
def test_rows_that_differ_have_digests_that_differ(one, other):
    first, second = batch_of(one), batch_of(other)
    for row, a in zip(one, hexes(first), strict=True):
        for another, b in zip(other, hexes(second), strict=True):
            assert (a == b) == (canonical(row) == canonical(another))


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
