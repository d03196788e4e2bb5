from functools import reduce

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.data import Batch, content_id
from foretaste.summaries.coded_rows import CodedRows

SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=30)


def summary(rows, sizes, budget):
    batch = Batch(
        [content_id(str(i).encode()) for i in rows], {"label": np.asarray(rows), "index": rows}
    )
    counts = np.array([sizes[i] for i in rows], np.int64)
    codes = np.repeat(np.asarray(rows, np.uint32), counts)
    return CodedRows.of(batch, (np.concatenate([[0], counts.cumsum()]), codes), budget, 0)


@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(0, 60), st.permutations(range(4)))
def test_any_order_of_merging_keeps_the_same_rows(sizes, budget, order):
    n = len(sizes)
    whole = summary(list(range(n)), sizes, budget).sorted()
    parts = [summary(list(range(i, n, 4)), sizes, budget) for i in order if i < n]
    again = reduce(lambda a, b: a.merge(b), parts).sorted()
    for one, two in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(whole.codes) <= budget
    np.testing.assert_array_equal(whole.codes, np.repeat(whole.labels, np.diff(whole.offsets)))


def test_everything_is_kept_within_the_budget():
    kept = summary([0, 1, 2], [2, 0, 3], 5).sorted()
    assert sorted(kept.labels.tolist()) == [0, 1, 2]


def test_no_rows_are_no_rows():
    assert len(CodedRows((), 10).sorted().labels) == 0
