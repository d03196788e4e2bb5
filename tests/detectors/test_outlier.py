import numpy as np

from foretaste.calibration import benjamini_hochberg, fit_null
from foretaste.data import Batch
from foretaste.detectors.outlier import Outlier
from foretaste.testing import learn

N = 4000


def batch(far=0, heavy=False):
    rng = np.random.default_rng(0)
    label = np.arange(N) % 2
    drawn = rng.standard_t(4, (N, 10)) if heavy else rng.standard_normal((N, 10))
    vectors = drawn * np.logspace(0, 2, 10) + 3 * label[:, None]
    vectors[:far, 0] += 40  # in the narrowest direction
    return Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": label})


def scored(rows):
    method = Outlier()
    return method.score(rows, learn(method, [rows]))


def flagged(scores):
    return benjamini_hochberg(fit_null(scores).p_values(scores), 0.01)


def test_rows_far_off_in_a_narrow_direction_are_found():
    found = flagged(scored(batch(far=40)))
    assert found[:40].all()
    assert found[40:].sum() <= 2


def test_heavy_tails_are_not_outliers_by_themselves():
    assert flagged(scored(batch())).sum() == 0
    assert flagged(scored(batch(heavy=True))).mean() < 0.002


def test_small_classes_share_a_shape_and_tiny_ones_are_not_judged():
    rows = batch()
    label = rows["label"].copy()
    label[:60], label[60:65] = 2, 3
    scores = scored(rows.having(label=label))
    assert np.isnan(scores[60:65]).all()
    assert np.isfinite(scores[:60]).all()


def test_a_dense_group_inside_its_class_is_not_seen():
    rows = batch()
    vectors = rows["embedding"].copy()
    vectors[:40] = vectors[:40] * 0.01 + vectors[::2].mean(axis=0)
    assert not flagged(scored(rows.having(embedding=vectors)))[:40].any()
