import numpy as np

from foretaste.data import Batch
from foretaste.detectors.label_flip import LabelFlip
from foretaste.testing import learn

N = 2000


def batch(flips=0, both_ways=False, sizes=(0.5, 0.5)):
    rng = np.random.default_rng(0)
    truth = rng.choice(2, N, p=sizes)
    chance = 1 / (1 + np.exp(-rng.normal(4, 2, N)))  # of the truth
    said = np.where(rng.random(N) < chance, truth, 1 - truth)  # natural confusion
    for a in (0, 1) if both_ways else (0,):
        said[rng.permutation(np.flatnonzero(truth == a))[:flips]] = 1 - a
    prediction = np.where(np.eye(2)[truth] > 0, chance[:, None], 1 - chance[:, None])
    columns = {"label": said, "prediction": prediction}
    return Batch([f"{i}" for i in range(N)], columns, ("ham", "spam")), said != truth


def scored(rows):
    method = LabelFlip()
    return method.score(rows, learn(method, [rows]))


def test_clear_rows_of_one_class_labelled_the_other_are_found():
    rows, wrong = batch(flips=150)
    found = scored(rows) > 6
    assert found[wrong].mean() > 0.35  # the clearest of them
    assert found[~wrong].mean() < 0.01


def test_natural_confusion_of_equal_and_unequal_classes_is_silent():
    assert not scored(batch()[0]).any()
    assert not scored(batch(sizes=(0.97, 0.03))[0]).any()


def test_flips_both_ways_are_not_its_to_accuse():
    assert not scored(batch(flips=100, both_ways=True)[0]).any()


def test_a_model_that_knows_nothing_but_class_sizes_accuses_nobody():
    label = (np.random.default_rng(0).random(N) < 0.1).astype(int)
    chances = np.tile([0.9, 0.1], (N, 1))
    rows = Batch([f"{i}" for i in range(N)], {"label": label, "prediction": chances})
    assert not scored(rows).any()
