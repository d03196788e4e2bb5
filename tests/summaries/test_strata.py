import numpy as np

from foretaste.data import Batch
from foretaste.summaries.strata import Strata


def rows(n, rare=5):
    label = np.where(np.arange(n) < rare, 1, 0)
    return Batch([f"{i}" for i in range(n)], {"label": label, "index": np.arange(n)})


def test_merging_in_any_order_keeps_the_same_rows():
    batch = rows(1000)
    parts = [batch.take(np.arange(start, start + 50)) for start in range(0, 1000, 50)]
    whole = Strata.of(batch, (), 100).sorted().ids.tolist()
    for order in (parts, parts[::-1]):
        merged = Strata.of(order[0], (), 100)
        for part in order[1:]:
            merged = merged.merge(Strata.of(part, (), 100))
        assert merged.sorted().ids.tolist() == whole


def test_rare_classes_are_kept_whole_and_the_size_is_bounded():
    kept = Strata.of(rows(5000, rare=20), (), 100)
    assert (kept.rows["label"] == 1).sum() == 20
    assert len(kept.rows) <= 200
    assert kept.weights(kept.rows["label"]).sum() == 5000


def test_leaving_rows_out_keeps_the_weights_of_the_others():
    kept = Strata.of(rows(1000), (), 100)
    gone = set(kept.rows.ids[:40].tolist())
    left = kept.without(gone)
    assert not gone & set(left.rows.ids)
    before, after = (np.median(s.weights(s.rows["label"])) for s in (kept, left))
    assert abs(before - after) < 0.5
