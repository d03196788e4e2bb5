import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.statistical_contamination import StatisticalContamination
from foretaste.testing import learn

N, D, K = 3000, 10, 6


def clean(seed=0, draw=None):
    rng = np.random.default_rng(seed)
    label = np.arange(N) % K
    noise = draw(rng) if draw else rng.standard_normal((N, D))
    return (noise + 4 * np.eye(K, D)[label]).astype(np.float32), label


def judged(vectors, label):
    rows = Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": label})
    scan = StatisticalContamination()
    model = learn(scan, [rows])
    return scan.score(rows, model), scan.propose(rows, model)


@pytest.mark.parametrize("count", [40, 150, 250, 350])
def test_poison_is_a_group_of_its_own_whatever_its_share_of_the_class(count):
    vectors, label = clean()
    poison = np.flatnonzero(label == 1)[:count]
    vectors[poison, 8] += 7
    scores, groups = judged(vectors, label)
    rest = np.setdiff1d(np.flatnonzero(label == 1), poison)
    told = groups[rest] if count > len(rest) else groups[poison]  # all of it, or all but it
    assert (told == np.median(told)).mean() > 0.95
    assert np.median(told) >= 0
    assert (scores[label != 1] == 0).all()


def test_two_groups_with_hardly_a_gap_between_them_are_found():
    vectors, label = clean()
    poison = np.flatnonzero(label == 1)[:250]
    vectors[poison, 8] += 4.2
    _, groups = judged(vectors, label)
    first = np.median(groups[poison])
    assert first >= 0
    assert (groups[poison] == first).mean() > 0.9
    assert (groups[label != 1] == -1).all()


def test_poison_of_several_origins_is_cut_off_piece_by_piece():
    vectors, label = clean()
    poison = np.flatnonzero(label == 1)[:160]
    vectors[poison[:80], 8] += 9
    vectors[poison[80:], 9] += 9
    _, groups = judged(vectors, label)
    first = np.median(groups[poison])
    assert first >= 0
    assert (groups[poison] == first).mean() > 0.95
    assert (np.delete(groups, poison) == first).mean() < 0.01


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.standard_normal((N, D)),
        lambda rng: rng.standard_t(3, (N, D)),
        lambda rng: rng.exponential(size=(N, D)),
    ],
    ids=["normal", "heavy tails", "skewed"],
)
def test_classes_that_are_all_alike_are_left_alone(draw):
    for seed in range(3):
        scores, groups = judged(*clean(seed, draw))
        assert (scores < 2).all()
        assert np.isin(groups, -1).all()


def test_classes_that_all_fall_in_two_are_not_told_from_nature():
    vectors, label = clean()
    vectors[np.arange(N) // K % 3 == 0, 8] += 9
    _, groups = judged(vectors, label)
    assert (groups == -1).all()


def test_two_classes_do_not_show_what_is_usual():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((N, D))
    vectors[:300:2, 3] += 9
    scores, _ = judged(vectors, np.arange(N) % 2)
    assert (scores == 0).all()
