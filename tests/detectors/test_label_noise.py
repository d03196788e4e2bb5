import numpy as np

from foretaste.calibration import benjamini_hochberg
from foretaste.data import Batch
from foretaste.detectors.label_noise import LabelNoise
from foretaste.encoders.out_of_fold import OutOfFold
from foretaste.testing import learn

N, K = 3000, 4
CLASSES = ("ham", "spam", "news", "chat")


def batch(flips, apart=4.0, source=None):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, N)
    vectors = rng.standard_normal((N, 8)) + apart * np.eye(K, 8)[truth]
    rows = rng.permutation(np.flatnonzero(truth == source) if source is not None else N)[:flips]
    said = truth.copy()
    said[rows] = 1 if source is not None else (truth[rows] + rng.integers(1, K, flips)) % K
    made = Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": said}, CLASSES)
    folds = OutOfFold(model="linear")
    return folds.encode(made, learn(folds, [made])), said != truth


def judged(rows):
    method = LabelNoise()
    model = learn(method, [rows])
    return method.score(rows, model), model


def flagged(scores):
    return benjamini_hochberg(10**-scores, 0.01)


def test_random_flips_are_found_and_little_else():
    rows, wrong = batch(150)
    found = flagged(judged(rows)[0])
    assert (found & wrong).sum() > 100
    assert (found & ~wrong).sum() <= 5


def test_clean_labels_are_left_alone_though_the_classes_overlap():
    for apart in (1.5, 4.0):
        assert flagged(judged(batch(0, apart)[0])[0]).sum() <= 3


def test_a_one_way_flow_is_named_and_random_flips_are_not_called_one():
    rows, wrong = batch(150, source=0)
    _, model = judged(rows)
    assert 60 < model.flows[1, 0] < 200
    told = LabelNoise().explain(rows, int(np.flatnonzero(wrong)[0]), model)
    assert "ham -> spam" in told
    assert not judged(batch(150)[0])[1].flows.any()


def test_a_class_of_which_a_third_is_lost_still_ranks_its_lost_rows_first():
    rows, wrong = batch(220, source=0)
    first = np.argsort(-judged(rows)[0])[:220]
    assert wrong[first].mean() > 0.9


def test_flips_of_a_whole_class_cannot_be_seen():
    rows, wrong = batch(N, source=0)
    assert not flagged(judged(rows)[0])[wrong].any()


def test_where_features_tell_nothing_the_smaller_class_is_not_taken_for_noise():
    rng = np.random.default_rng(1)
    vectors, label = rng.standard_normal((1000, 6)), (rng.random(1000) < 0.3).astype(int)
    made = Batch(range(1000), {"embedding": vectors, "label": label}, CLASSES[:2])
    folds = OutOfFold()
    assert flagged(judged(folds.encode(made, learn(folds, [made])))[0]).sum() <= 2
