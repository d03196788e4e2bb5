import numpy as np

from foretaste.calibration import benjamini_hochberg
from foretaste.data import Batch
from foretaste.detectors.neighbour_disagreement import NeighbourDisagreement
from foretaste.testing import learn

N = 600


def batch(wrong=()):
    rng = np.random.default_rng(0)
    truth = np.arange(N) % 3
    vectors = rng.standard_normal((N, 6)) + 5 * np.eye(3, 6)[truth]
    said = truth.copy()
    said[list(wrong)] = (truth[list(wrong)] + 1) % 3
    return Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": said})


def scored(rows):
    method = NeighbourDisagreement()
    return method.score(rows, learn(method, [rows]))


def test_wrong_labels_score_highest():
    wrong = range(0, 60, 2)
    assert set(np.argsort(-scored(batch(wrong)))[:30]) == set(wrong)


def test_clean_rows_agree_with_their_neighbours():
    assert benjamini_hochberg(10 ** -scored(batch()), 0.01).sum() == 0


def test_a_row_without_label_cannot_be_told():
    rows = batch()
    label = rows["label"].copy()
    label[3] = -1
    assert np.flatnonzero(np.isnan(scored(rows.having(label=label)))).tolist() == [3]


def test_a_copy_does_not_vouch_for_its_own_wrong_label():
    rows = batch(wrong=[0])
    doubled = rows.take([0] * 30 + list(range(N)))
    assert scored(doubled)[0] > 1


def test_flips_of_a_whole_neighbourhood_are_not_seen():
    rows = batch(wrong=range(0, N, 3))  # every row of class 0
    assert (scored(rows)[::3] > 1).mean() < 0.05
