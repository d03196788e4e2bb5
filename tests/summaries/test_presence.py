import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.summaries.presence import presence

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=20)


def parts(rows):
    counts = np.array([len(row) for row in rows], np.int64)
    items = np.array([item for row in rows for item in row], np.uint64) << np.uint64(50)
    return np.concatenate([[0], counts.cumsum()]).astype(np.int64), items


@settings(deadline=None, max_examples=25)
@given(ROWS, st.integers(1, 4))
def test_the_table_says_which_frequent_items_each_row_holds(rows, least):
    found = presence(lambda: [parts(rows[:3]), parts(rows[3:])], least)
    names = {int(i) >> 50: int(c) for i, c in zip(*found.vocabulary[:2], strict=True)}
    holders = {item: [i for i, row in enumerate(rows) if item in row] for item in range(10)}
    assert set(names) == {item for item, held in holders.items() if len(held) >= least}
    table = found.table.toarray()
    for item, column in names.items():
        assert np.flatnonzero(table[:, column]).tolist() == holders[item]
        assert found.counts[column] == len(holders[item])
    by_rows = {}
    for item, column in names.items():  # equal row sets share a column, others do not
        assert by_rows.setdefault(column, holders[item]) == holders[item]
    assert len(by_rows) == len({tuple(held) for held in by_rows.values()})
    np.testing.assert_array_equal(found.vocabulary.table(*parts(rows)).toarray(), table)
    assert (np.diff(found.cluster) >= 0).all()


def test_items_of_nearly_equal_row_sets_are_neighbours_in_one_cluster():
    rng = np.random.default_rng(0)
    rows = [[0, 1, int(x)] if i < 60 else [int(x)] for i, x in enumerate(rng.integers(3, 9, 200))]
    rows[100].append(1)
    found = presence(lambda: [parts(rows)], 5)
    of = dict(
        zip(
            (found.vocabulary.items >> np.uint64(50)).tolist(),
            found.vocabulary.columns,
            strict=True,
        )
    )
    cluster = found.cluster[[of[i] for i in range(9) if i in of]]
    assert cluster[0] == cluster[1]
    assert len(set(cluster.tolist())) == len(cluster) - 1
