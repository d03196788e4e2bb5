import numpy as np

from foretaste.data import Batch
from foretaste.encoders.out_of_fold import OutOfFold
from foretaste.testing import learn

N, K = 1200, 3


def batch(noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, N)
    vectors = rng.standard_normal((N, 8)) + 3 * np.eye(K, 8)[truth]
    said = np.where(rng.random(N) < noise, (truth + 1) % K, truth)
    return Batch([f"{i}" for i in range(N)], {"embedding": vectors, "label": said}), truth


def predicted(batch, **settings):
    method = OutOfFold(**settings)
    return method.encode(batch, learn(method, [batch]))["prediction"]


def test_it_predicts_the_truth_rather_than_the_wrong_label_it_was_given():
    rows, truth = batch(noise=0.1)
    for model in ("linear", "trees", "auto"):
        found = predicted(rows, model=model)
        assert (found.argmax(axis=1) == truth).mean() > 0.92
        np.testing.assert_allclose(found.sum(axis=1), 1, 1e-6)


def test_labels_that_mean_nothing_cannot_be_predicted_even_of_copies():
    rng = np.random.default_rng(0)
    vectors, label = rng.standard_normal((400, 8)), rng.integers(0, 2, 400)
    ids = [f"{i}" for i in range(400)] * 2  # every row twice: a fold that split them would leak
    twice = Batch(ids, {"embedding": np.tile(vectors, (2, 1)), "label": np.tile(label, 2)})
    found = predicted(twice, model="trees")
    assert abs((found.argmax(axis=1) == np.tile(label, 2)).mean() - 0.5) < 0.1


def test_rows_outside_the_sample_and_without_a_label_are_predicted_too():
    rows, truth = batch()
    label = rows["label"].copy()
    label[:100] = -1
    found = predicted(rows.having(label=label), rows=300)
    assert (found.argmax(axis=1) == truth).mean() > 0.95


def test_a_rare_class_is_learned_from_all_its_rows():
    rng = np.random.default_rng(0)
    label = (np.arange(20_000) % 500 == 0).astype(int)  # 40 of 20,000
    vectors = rng.standard_normal((20_000, 4)) + 6 * label[:, None]
    rows = Batch([f"{i}" for i in range(20_000)], {"embedding": vectors, "label": label})
    found = predicted(rows, rows=1000)
    assert (found.argmax(axis=1)[label == 1] == 1).mean() > 0.9
    assert (found.argmax(axis=1)[label == 0] == 0).mean() > 0.999


def test_rows_left_out_teach_nothing():
    rows, _ = batch()
    method = OutOfFold(model="linear")
    summary = method.summarize(rows)
    ids = {str(i) for i, label in zip(rows.ids, rows["label"], strict=True) if label == 2}
    found = method.encode(rows, method.fit(summary.without(ids)))["prediction"]
    assert (found.argmax(axis=1) == 2).mean() < 0.01
