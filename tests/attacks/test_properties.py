"""The laws again, over rows that nobody chose: any text, any size of image, any count and chance.

Attacks that train a model of their own are left to the laws on the honest rows: they take seconds.
"""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from foretaste import registry
from foretaste.data import Batch
from foretaste.errors import BadInput

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
KINDS = {name: registry.component("attacks", name) for name in registry.names("attacks")}


def plain(kind, column: str) -> bool:
    fields = {field.name for field in dataclasses.fields(kind)}
    required = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    rows = hasattr(kind, "poison") and not getattr(kind, "adds", False)
    return (
        rows
        and kind.needs == (column, "label")
        and required <= {"count", "target"}
        and not ({"surrogate", "aim"} & fields)
    )


TEXTS = [name for name, kind in KINDS.items() if plain(kind, "text")]
IMAGES = [name for name, kind in KINDS.items() if plain(kind, "pixels")]


def built(name: str, count: int):
    fields = {field.name for field in dataclasses.fields(KINDS[name])}
    return KINDS[name](count=count, **({"target": 0} if "target" in fields else {}))


def kept(name: str, column: str, batch: Batch, count: int, seed: int) -> None:
    """Rows and columns stay; what is untouched is the same to the bit; touched are `count`."""
    try:
        poisoned, touched = built(name, count).poison(batch, np.random.default_rng(seed))
    except BadInput:
        return  # too few rows that fit: said so, nothing done
    assert touched.sum() == count
    assert len(poisoned) == len(batch)
    assert poisoned.arrow(column).type == batch.arrow(column).type
    assert poisoned["label"].dtype == batch["label"].dtype
    assert set(poisoned["label"].tolist()) <= {-1, 0, 1, 2}
    untouched = np.flatnonzero(~touched)
    for one in (column, "label"):
        assert poisoned.take(untouched).arrow(one).equals(batch.take(untouched).arrow(one))
    assert poisoned.ids[untouched].tolist() == batch.ids[untouched].tolist()


@pytest.mark.parametrize("name", TEXTS)
@effort(max_examples=15)
@given(
    rows=st.lists(st.tuples(TEXT, st.integers(-1, 2)), min_size=1, max_size=12),
    count=st.integers(0, 6),
    seed=st.integers(0, 99),
)
def test_any_text_can_be_poisoned_and_nothing_else_changes(name, rows, count, seed):
    text = pa.array([text for text, _ in rows], pa.large_string())
    columns = {"text": text, "label": np.array([label for _, label in rows])}
    batch = Batch([str(i) for i in range(len(rows))], columns, ("a", "b", "c"))
    kept(name, "text", batch, count, seed)


@pytest.mark.parametrize("name", IMAGES)
@effort(max_examples=8)
@given(
    shape=st.tuples(st.integers(8, 33), st.integers(8, 33), st.sampled_from([1, 3])),
    n=st.integers(1, 9),
    count=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_any_image_can_be_poisoned_and_nothing_else_changes(name, shape, n, count, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, *shape)).astype(np.uint8)
    columns = {"pixels": pixels, "label": rng.integers(-1, 3, n)}
    batch = Batch([str(i) for i in range(n)], columns, ("a", "b", "c"))
    kept(name, "pixels", batch, count, seed)


def test_most_attacks_on_texts_and_images_are_covered_here():
    assert len(TEXTS) >= 5
    assert len(IMAGES) >= 5
