import numpy as np

from foretaste.data import Batch
from foretaste.detectors.spectral import Spectral
from foretaste.testing import learn

N, D, K = 3000, 12, 3


def batch(seed=0, heavy=False):
    rng = np.random.default_rng(seed)
    label = np.arange(N) % K
    vectors = rng.standard_normal((N, D)) + 4 * np.eye(K, D)[label]
    vectors[:, -1] *= 8  # all classes are wide here: only whitening sees past it
    return vectors.astype(np.float32), label


def judged(vectors, label):
    rows = Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": label})
    spectral = Spectral()
    model = learn(spectral, [rows])
    return spectral.score(rows, model), spectral.propose(rows, model)


def test_a_twentieth_of_a_class_pulled_aside_is_found():
    vectors, label = batch()
    poison = np.flatnonzero(label == 1)[:50]
    vectors[poison, 5] += 15
    scores, groups = judged(vectors, label)
    assert (scores[poison] > 4).mean() > 0.98
    assert (np.delete(scores, poison) > 4).mean() < 0.001
    assert len(np.unique(groups[poison])) == 1


def test_poison_hidden_behind_what_all_classes_share_is_found():
    vectors, label = batch()
    poison = np.flatnonzero(label == 1)[:80]
    vectors[poison, 5] += 9  # less than the spread of the last column
    scores, _ = judged(vectors, label)
    assert (scores[poison] > 4).mean() > 0.95


def test_clean_classes_are_silent():
    scores, groups = judged(*batch(seed=1))
    assert (scores > 5).sum() == 0
    assert (groups >= 0).mean() < 0.005


def test_poison_that_is_half_of_its_class_is_not_seen():
    vectors, label = batch()
    poison = np.flatnonzero(label == 1)[::2]
    vectors[poison, 5] += 15
    scores, _ = judged(vectors, label)
    assert (scores[poison] > 4).mean() < 0.1


def test_rows_without_a_label_and_classes_never_seen_are_told_apart():
    vectors, label = batch()
    spectral = Spectral()
    model = learn(spectral, [Batch(range(N), {"embedding": vectors, "label": label})])
    two = Batch(["a", "b"], {"embedding": vectors[:2], "label": [-1, 77]})
    scores = spectral.score(two, model)
    assert scores[0] == 0
    assert np.isnan(scores[1])
