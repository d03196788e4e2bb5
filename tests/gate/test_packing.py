"""What a check knows, packed: exact when whole, an error of one kind when not."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from foretaste.data import Batch
from foretaste.errors import BadInput, BadRecord
from foretaste.gate.packing import kinds_of, pack, unpack, unpacked


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    values: np.ndarray
    name: str | None


@dataclass
class Outer:
    inner: tuple[Inner, ...]
    colour: Colour
    rows: Batch


def start() -> Outer:
    rows = Batch(["a", "b"], {"e": np.ones((2, 3)), "t": ["x", "y"]}, ["ham"])
    return Outer((Inner(np.arange(6.0).reshape(2, 3).T, None),), Colour.RED, rows)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20)
)
arrays = hnp.arrays(
    st.sampled_from(["f8", "f4", "i8", "u1", "?", "U3", "c16", "M8[s]"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
trees = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(one, two):
    if isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        assert one.shape == two.shape
        assert one.tobytes() == two.tobytes()
    elif isinstance(one, list | tuple):
        assert type(one) is type(two)
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            same(a, b)
    elif isinstance(one, dict):
        same(list(one.items()), list(two.items()))
    else:
        assert type(one) is type(two)
        assert one == two or one != one


@given(trees)
@settings(deadline=None)
def test_what_was_packed_comes_back_as_it_was(tree):
    same(tree, unpack(pack(tree), []))


def test_dataclasses_enums_and_batches_come_back():
    value = start()
    back = unpack(pack(value), kinds_of(start, value))
    assert back.colour is Colour.RED
    assert back.inner[0].values.flags.f_contiguous
    np.testing.assert_array_equal(back.inner[0].values, value.inner[0].values)
    assert back.rows.classes == ("ham",)
    assert back.rows["e"].tolist() == value.rows["e"].tolist()
    assert back.rows["t"].tolist() == ["x", "y"]


def test_types_are_found_in_annotations_where_no_value_shows_them():
    assert {Outer, Inner, Colour} <= kinds_of(start, None)


def test_a_batch_that_was_cut_from_a_larger_one_packs_only_its_rows():
    big = Batch([str(i) for i in range(5000)], {"e": np.ones((5000, 20))})
    assert len(pack(big.take([3]))) < 5000
    part = Batch(big.arrow_ids().slice(7, 2), {"e": big.arrow("e").slice(7, 2)})
    assert len(pack(part)) < 5000
    assert unpack(pack(part), []).ids.tolist() == ["7", "8"]


def test_two_names_of_one_array_stay_two_names_of_one_array():
    one = np.zeros(3)
    first, second = unpack(pack((one, one)), [])
    assert first is second
    first[0] = 1.0


def test_a_type_nobody_named_is_not_made():
    with pytest.raises(BadRecord, match="does not know"):
        unpack(pack(Inner(np.zeros(1), "x")), [Outer])


@pytest.mark.parametrize(
    "bad", [object(), {1, 2}, np.array([object()]), lambda: 0, 1j], ids=lambda b: type(b).__name__
)
def test_what_no_state_may_hold_is_refused_when_it_is_packed(bad):
    with pytest.raises(BadInput, match="may not hold"):
        pack((bad,))


def test_a_dataclass_that_has_other_fields_by_now_is_refused():
    data = pack(Inner(np.zeros(1), "x"))

    @dataclass
    class Changed:
        values: np.ndarray

    Changed.__module__, Changed.__qualname__ = Inner.__module__, Inner.__qualname__
    with pytest.raises(BadRecord, match="fields"):
        unpack(data, [Changed])


@given(st.data())
@settings(deadline=None)
def test_one_changed_byte_or_a_torn_end_is_seen(data):
    whole = pack(start())
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BadRecord):
        unpack(whole[:at], kinds_of(start, None))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadRecord):
        unpack(bytes(changed), kinds_of(start, None))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_forged_body_gives_a_value_or_a_bad_record_and_nothing_else(data):
    """Whoever can write a fitting digest can write anything: it must still be no crash."""
    whole = bytearray(pack(start())[42:])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(whole) - 1, 700)))
        whole[at] = data.draw(st.integers(0, 255) | st.sampled_from(list(b'0123456789[]",-')))
    with suppress(BadRecord):
        unpacked(bytes(whole), kinds_of(start, None))


@given(st.binary(max_size=300))
def test_noise_is_a_bad_record(noise):
    with pytest.raises(BadRecord):
        unpack(noise, [])
    size = len(noise).to_bytes(8, "little")
    with suppress(BadRecord):
        unpacked(size + noise, [])


def test_a_deep_outline_is_refused():
    deep = b'["list",' * 50_000 + b"1" + b"]" * 50_000
    with pytest.raises(BadRecord):
        unpacked(len(deep).to_bytes(8, "little") + deep, [])
