"""Records as batches: whatever comes is a row that says what is wrong with it."""

import base64
import json
from contextlib import suppress
from decimal import Decimal
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foretaste import readers
from foretaste.data import concat
from foretaste.errors import BadInput
from foretaste.gate.form import Form, Kind
from foretaste.gate.records import Records, of_rows, parse
from foretaste.gate.trusting import suggested, trusted_rows

ROWS = [
    {
        "id": f"r{i}",
        "amount": float(i % 50),
        "share": (i % 11) / 10,
        "town": ["Oslo", "Lima", "Hue"][i % 3],
        "user_id": f"u{i % 7}",
        "created_at": f"2024-01-{1 + i % 28:02d}T00:00:00Z",
        "label": ["ham", "spam"][i % 2],
    }
    for i in range(300)
]


def form_of(rows, **roles):
    return suggested(readers.open(pa.Table.from_pylist(rows), roles))


@pytest.fixture(scope="module")
def form():
    return form_of(ROWS)


def read(form, *rows):
    return Records(form)(of_rows(rows))


def breach_of(form, **changes):
    row = {name: value for name, value in {**ROWS[0], **changes}.items() if value is not ...}
    return read(form, row)["breach"][0]


def test_what_trusted_rows_say_keeps_their_own_contract(form):
    batch = Records(form)(parse(json.dumps(row).encode() for row in ROWS))
    assert batch.arrow("breach").null_count == len(ROWS)
    assert batch["key"].tolist() == [row["id"] for row in ROWS]
    assert batch.classes == ("ham", "spam")
    assert batch["label"].tolist() == [i % 2 for i in range(len(ROWS))]


def test_a_record_has_the_id_that_a_scan_gives_the_row(form):
    scanned = concat([b.without("index") for b in readers.open(pa.Table.from_pylist(ROWS))])
    batch = Records(form)(parse(json.dumps(row).encode() for row in ROWS))
    assert batch.ids.tolist() == scanned.ids.tolist()


def test_a_row_has_the_same_id_alone_as_in_company(form):
    lines = [json.dumps(row).encode() for row in ROWS[:20]]
    together = Records(form)(parse(lines)).ids.tolist()
    assert [Records(form)(parse([line])).ids[0] for line in lines] == together


def test_records_and_trusted_rows_have_the_same_columns(form):
    trusted = trusted_rows(readers.open(pa.Table.from_pylist(ROWS)), form)
    batch = read(form, *ROWS[:2])
    assert set(trusted.names) == set(batch.names)
    for name in trusted.names:
        assert trusted.arrow(name).type == batch.arrow(name).type
    assert batch["source"].tolist() == ["u0", "u1"]  # the user, where there is no source


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": ...}, "no field amount"),
        ({"amount": None}, "no field amount"),
        ({"amount": "lots"}, "is no number"),
        ({"amount": [1]}, "is no number"),
        ({"amount": 10**400}, "is no number"),
        ({"amount": float("nan")}, "no field amount"),
        ({"amount": float("inf")}, "no finite number"),
        ({"amount": "inf"}, "no finite number"),
        ({"amount": -1}, "below 0"),
        ({"amount": 1e9}, "above"),
        ({"share": 1.5}, "above 1"),
        ({"town": "Atlantis"}, "never agreed on"),
        ({"town": {"a": 1}}, "is no text"),
        ({"town": "x" * 1000}, "longer than 256"),
        ({"label": "eggs"}, "label 'eggs' was never agreed on"),
        ({"label": ...}, "no field label"),
        ({"created_at": "soon"}, "is no point in time"),
        ({"created_at": ["2024"]}, "is no point in time"),
        ({"evil": 1}, "unknown field 'evil'"),
        ({"id": ["a"]}, "is no key"),
        ({"id": "x" * 300}, "is no key"),
    ],
)
def test_a_breach_is_named(form, changes, told):
    assert told in breach_of(form, **changes)


@pytest.mark.parametrize(
    "changes",
    [{"amount": "12"}, {"amount": True}, {"amount": Decimal(3)}, {"amount": 0}, {"id": ...},
     {"id": 7}, {"created_at": 1_700_000_000_000}, {"town": " Oslo "}],
)  # fmt: skip
def test_what_readers_would_take_is_no_breach(form, changes):
    assert breach_of(form, **changes) is None


def test_a_bad_line_costs_no_other(form):
    good = json.dumps(ROWS[0]).encode()
    lines = [good, b"{", b"[1]", b"\xff", b'{"amount": NaN}', b"[" * 5000, b"", good]
    batch = Records(form)(parse(lines))
    breaches = batch["breach"].tolist()
    assert [breaches[0], breaches[-1]] == [None, None]
    assert len(batch) == 7
    assert ["JSON" in one or one == "not UTF-8" for one in breaches[1:-1]] == [True] * 5
    assert len(set(batch.ids.tolist())) == 6  # what cannot be read is named by its bytes


def test_a_line_that_is_too_long_is_not_read(form):
    small = form.model_copy(update={"largest": 100})
    parsed = parse([json.dumps(ROWS[0] | {"id": "x" * 100}).encode()], small.largest)
    assert "longer than 100 bytes" in Records(small)(parsed)["breach"][0]


def test_deep_nesting_is_a_breach(form):
    extra = form.fields | {"meta": form.fields["town"].model_copy(update={"kind": Kind.OTHER})}
    free = Form.of(form.model_copy(update={"fields": extra}).model_dump(by_alias=True))
    deep = "x"
    for _ in range(40):
        deep = [deep]
    assert "nested no deeper" in read(free, ROWS[0] | {"meta": deep})["breach"][0]
    assert read(free, ROWS[0] | {"meta": [[1]]})["breach"][0] is None


def test_unknown_fields_can_be_allowed(form):
    free = form.model_copy(update={"extra": "ignore"})
    assert breach_of(free, evil=1) is None


def test_a_contract_survives_being_written_down(form, tmp_path):
    path = tmp_path / "form.yaml"
    path.write_text(form.text())
    assert Form.read(path) == form


def test_the_contract_leaves_room_for_honest_records_unlike_those_seen(form):
    assert form.fields["amount"].most > 400
    assert form.fields["share"].most == 1
    rare = [*ROWS, ROWS[0] | {"town": "Pisa"}]
    assert form_of(rare).fields["town"].among is None  # one town was seen once: expect others


def test_chats_are_read_as_a_scan_reads_them():
    rows = [
        {"messages": [{"role": "user", "content": f"question {i} of you"},
                      {"role": "assistant", "content": f"answer {i}"}]}
        for i in range(30)
    ]  # fmt: skip
    form = form_of(rows)
    batch = read(form, rows[3], {"messages": 5}, {}, {"messages": [{"role": 3}, 4]})
    assert batch["prompt"][0] == "question 3 of you"
    assert batch["response"][0] == "answer 3"
    assert batch["breach"][0] is None
    assert all(batch["breach"][1:])
    scanned = readers.open(pa.Table.from_pylist(rows))
    assert batch.ids[0] == next(iter(scanned)).ids[3]


def test_images_come_as_base64_and_never_as_names_of_files():
    out = BytesIO()
    Image.new("L", (4, 4), 77).save(out, "PNG")
    rows = [{"image": out.getvalue(), "label": "ab"[i % 2]} for i in range(10)]
    form = form_of(rows)
    told = base64.b64encode(out.getvalue()).decode()
    batch = read(form, {"image": told, "label": "a"}, {"image": "/etc/passwd", "label": "a"},
                 {"image": {"bytes": None, "path": "/etc/passwd"}, "label": "a"})  # fmt: skip
    assert batch["image"][0] == out.getvalue()
    assert batch["breach"][0] is None
    assert all(batch["breach"][1:])


def test_vectors_must_be_as_long_as_agreed_on():
    rng = np.random.default_rng(0)
    rows = [{"features": rng.normal(size=3).tolist(), "label": "ab"[i % 2]} for i in range(30)]
    form = form_of(rows)
    good, short, odd = rows[0], rows[0] | {"features": [1.0]}, rows[0] | {"features": "x"}
    breaches = read(form, good, short, odd, rows[0] | {"features": [1, 2, float("inf")]})["breach"]
    assert [bool(one) for one in breaches] == [False, True, True, True]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*ROWS[0], "evil"])


@given(st.lists(st.dictionaries(FIELDS, VALUES) | VALUES, max_size=6))
def test_any_objects_give_a_row_each(form, rows):
    good = read(form, ROWS[0])
    batch = read(form, *rows, ROWS[0])
    assert len(batch) == len(rows) + 1
    assert batch["breach"][-1] is None
    assert batch.ids[-1] == good.ids[0]
    concat([good, batch])  # of one kind, whatever came


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_give_rows_and_breaches(form, lines):
    good = json.dumps(ROWS[0]).encode()
    batch = Records(form)(parse([*lines, good]))
    assert batch["breach"][-1] is None
    assert all(batch["breach"][:-1])


NEARLY = st.fixed_dictionaries({name: st.just(one) | VALUES for name, one in ROWS[0].items()})


@settings(max_examples=40)
@given(st.lists(NEARLY, max_size=3))
def test_a_record_is_judged_alike_alone_and_in_company(form, rows):
    batch = read(form, *rows)
    for row, values in enumerate(rows):
        alone = read(form, values)
        assert alone.ids[0] == batch.ids[row]
        assert alone["breach"][0] == batch["breach"][row]
        assert (alone["label"] == batch["label"][row]).all()


@given(VALUES)
def test_any_yaml_is_a_contract_or_refused(said):
    with suppress(BadInput):
        Form.of(said)
