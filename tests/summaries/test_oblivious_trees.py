"""Boosted trees: they learn what a line cannot, and give the same answer twice."""

import numpy as np

from foretaste.summaries.oblivious_trees import ObliviousTrees


def checkers(n, seed, k=2):
    rng = np.random.default_rng([seed, n])
    vectors = rng.uniform(-2, 2, size=(n, 5)).astype(np.float32)
    label = (np.floor(vectors[:, 0]) + np.floor(vectors[:, 1])).astype(int) % k
    return vectors, label


def learned(n, k=2, weight=None):
    vectors, label = checkers(n, 1, k)
    return ObliviousTrees.fit(
        vectors, label, np.ones(n) if weight is None else weight, np.zeros((n, k))
    )


def test_it_learns_what_no_line_can():
    vectors, label = checkers(2000, 2)
    assert (learned(6000).scores(vectors).argmax(axis=1) == label).mean() > 0.95


def test_three_classes_are_as_good_as_two():
    vectors, label = checkers(2000, 2, k=3)
    assert (learned(6000, k=3).scores(vectors).argmax(axis=1) == label).mean() > 0.9


def test_the_same_rows_give_the_same_trees():
    one, two = learned(5000), learned(5000)
    np.testing.assert_array_equal(one.leaves, two.leaves)
    np.testing.assert_array_equal(one.cuts, two.cuts)


def test_a_row_scores_the_same_alone_as_in_company():
    trees, (vectors, _) = learned(800), checkers(1200, 3)
    alone = np.concatenate([trees.scores(vectors[i : i + 1]) for i in range(0, 1200, 40)])
    np.testing.assert_array_equal(trees.scores(vectors)[::40], alone)


def test_rows_without_weight_teach_nothing():
    vectors, label = checkers(2000, 1)
    weight = np.where(np.arange(2000) < 1000, 1.0, 0.0)
    wrong = np.where(weight > 0, label, 1 - label)
    trees = ObliviousTrees.fit(vectors, wrong, weight, np.zeros((2000, 2)))
    assert (trees.scores(vectors).argmax(axis=1) == label).mean() > 0.9


def test_values_that_are_all_the_same_are_no_crash():
    trees = ObliviousTrees.fit(
        np.ones((30, 2), np.float32), np.arange(30) % 2, np.ones(30), np.zeros((30, 2))
    )
    assert np.isfinite(trees.scores(np.ones((3, 2), np.float32))).all()
