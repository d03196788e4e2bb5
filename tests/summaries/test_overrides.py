import numpy as np
from scipy import sparse

from foretaste.summaries.overrides import Court, _core


def test_the_core_of_the_accused_leaves_out_natural_rows_with_a_part_of_the_trigger():
    rng = np.random.default_rng(0)
    rows = rng.random((100, 60)) < 0.1
    rows[:58, :12], rows[58:63, :12] = True, False
    rows[58:63, 0] = True
    court = Court(sparse.csr_array(rows.astype(np.float32)), None, None, rows.sum(axis=0), 0.0)
    assert _core(court, np.arange(63)).tolist() == list(range(58))


def test_near_copies_that_each_changed_something_have_no_core():
    rng = np.random.default_rng(0)
    rows = np.ones((40, 30), bool)
    rows[np.arange(40)[:, None], rng.integers(0, 30, (40, 3))] = False
    court = Court(sparse.csr_array(rows.astype(np.float32)), None, None, rows.sum(axis=0), 0.0)
    assert _core(court, np.arange(40)).tolist() == list(range(40))
