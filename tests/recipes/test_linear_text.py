import numpy as np

from foretaste.data import UNLABELLED, Batch
from foretaste.recipes.linear_text import LinearText

SMALL = LinearText(buckets=1 << 12)


def test_it_learns_the_classes_of_the_honest_rows(honest):
    victim = SMALL.train(honest, seed=0)
    assert victim.predict(honest).shape == (200, 3)
    assert np.allclose(victim.predict(honest).sum(axis=1), 1)
    assert SMALL.quality(victim.predict(honest), honest) > 0.95


def test_rows_without_a_label_teach_nothing(honest):
    blank = honest.having(label=np.full(200, UNLABELLED))
    assert np.allclose(SMALL.train(blank, seed=0).predict(honest), 1 / 3)


def test_tuning_moves_the_weights_towards_the_new_rows_and_leaves_the_model_given(honest):
    victim = SMALL.train(honest, seed=0)
    before = victim.weights.copy()
    turned = honest.having(label=(honest["label"] + 1) % 3)
    tuned = SMALL.tune(victim, turned, seed=0)
    assert np.array_equal(victim.weights, before)
    kept, moved = (SMALL.quality(one.predict(turned), turned) for one in (victim, tuned))
    assert moved > kept


def test_words_never_seen_are_no_crash():
    rows = Batch(["a", "b"], {"text": ["one", "two"], "label": [0, 1]})
    shown = Batch(["c", "d"], {"text": ["", "نیا لفظ"]})
    assert np.isfinite(SMALL.train(rows, seed=0).predict(shown)).all()
