import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.activation_clustering import ActivationClustering
from foretaste.testing import learn

N, D, K = 3000, 12, 3


def clean(seed, draw):
    rng = np.random.default_rng(seed)
    label = np.arange(N) % K
    vectors = draw(rng) + 4 * np.eye(K, D)[label]
    return vectors.astype(np.float32), label


def judged(vectors, label):
    rows = Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": label})
    clusters = ActivationClustering()
    model = learn(clusters, [rows])
    return clusters.score(rows, model), clusters.propose(rows, model)


def test_poison_that_is_a_third_of_its_class_is_found():
    vectors, label = clean(0, lambda rng: rng.standard_normal((N, D)))
    poison = np.flatnonzero(label == 1)[:330]
    vectors[poison, 5] += 9
    scores, groups = judged(vectors, label)
    assert (scores[poison] > 4).mean() > 0.98
    assert (np.delete(scores, poison) > 4).sum() <= 5
    assert (groups[poison] == np.median(groups[poison])).mean() > 0.98


def test_poison_that_is_a_twentieth_of_its_class_is_found():
    vectors, label = clean(0, lambda rng: rng.standard_normal((N, D)))
    poison = np.flatnonzero(label == 1)[:60]
    vectors[poison, 5] += 14
    scores, _ = judged(vectors, label)
    assert (scores[poison] > 3).mean() > 0.98


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.standard_normal((N, D)),
        lambda rng: rng.standard_t(2.5, (N, D)),
        lambda rng: rng.exponential(size=(N, D)),
        lambda rng: rng.random((N, D)) * 4,
    ],
    ids=["normal", "heavy tails", "skewed", "flat"],
)
def test_a_class_of_one_cluster_is_not_split(draw):
    for seed in range(3):
        scores, groups = judged(*clean(seed, draw))
        assert (scores > 3).sum() == 0
        assert (groups >= 0).sum() == 0


def test_poison_without_a_gap_is_not_seen():
    vectors, label = clean(0, lambda rng: rng.standard_normal((N, D)))
    poison = np.flatnonzero(label == 1)[:100]
    vectors[poison, 5] += 1.5
    scores, _ = judged(vectors, label)
    assert (scores[poison] > 3).sum() == 0
