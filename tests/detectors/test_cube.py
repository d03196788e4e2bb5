import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.cube import Cube
from foretaste.testing import learn


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def rows_of(vectors, label=None):
    n = len(vectors)
    label = np.zeros(n, np.int64) if label is None else label
    columns = {"embedding": vectors.astype(np.float32), "label": label}
    return Batch([f"{i * 7919:032x}" for i in range(n)], columns, classes=("ham", "spam"))


def judged(rows):
    model = learn(Cube(), [rows])
    return Cube().propose(rows, model), Cube().score(rows, model), model


def test_a_small_knot_in_a_class_is_proposed(rng):
    vectors = rng.standard_normal((900, 12))
    vectors[:20] = 5 * np.eye(12)[0] + 0.2 * rng.standard_normal((20, 12))
    rows = rows_of(vectors)
    groups, scores, model = judged(rows)
    assert (groups[:18] >= 0).all()
    assert len(set(groups[:18].tolist())) <= 2
    assert scores[:18].min() > np.median(scores[20:])
    assert "denser than the class" in Cube().explain(rows, 3, model)


def test_rows_that_were_not_sampled_join_the_cluster_they_lie_in(rng):
    vectors = rng.standard_normal((900, 12))
    vectors[:60] = 5 * np.eye(12)[0] + 0.2 * rng.standard_normal((60, 12))
    rows = rows_of(vectors)
    few = Cube(sample=600)
    groups = few.propose(rows, learn(few, [rows]))
    assert (groups[:60] >= 0).mean() > 0.4


def test_one_round_cloud_is_hardly_a_cluster(rng):
    groups, _, _ = judged(rows_of(rng.standard_normal((900, 12))))
    assert (groups >= 0).mean() < 0.2


def test_it_is_blind_to_poison_that_is_spread_over_its_class(rng):
    vectors = rng.standard_normal((900, 12))
    bad = np.arange(0, 900, 30)
    vectors[bad, 3] += 1.0
    groups, _, _ = judged(rows_of(vectors))
    assert (groups[bad] >= 0).mean() < 0.3


def test_a_small_class_and_rows_without_a_label_are_left_alone(rng):
    label = np.where(np.arange(300) < 20, 1, 0)
    label[50:60] = -1
    groups, scores, _ = judged(rows_of(rng.standard_normal((300, 6)), label))
    assert (groups[:20] == -1).all()
    assert not scores[50:60].any()
