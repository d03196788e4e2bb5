"""Marks that only some rows of one class have."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.exclusive_mark import ExclusiveMark

LAYERS = ("first_layer", "second_layer", "embedding")


def rows(change=lambda vectors, label: vectors, n=1_500, k=3):
    rng = np.random.default_rng(3)
    label = np.arange(n) % k
    plain = {name: rng.standard_normal((n, 6)) + 2 * np.eye(k, 6)[label] for name in LAYERS}
    changed = {**plain, "second_layer": change(plain["second_layer"], label)}
    columns = {name: one.astype(np.float32) for name, one in changed.items()}
    return Batch(range(n), {**columns, "label": label})


def accused(batch):
    detector = ExclusiveMark()
    return detector.score(batch, detector.fit(detector.summarize(batch))) > 3


@pytest.mark.parametrize("count", [60, 120, 240])
def test_marked_rows_are_accused_whatever_their_share_up_to_half_of_the_class(count):
    marked = np.zeros(1_500, bool)
    marked[np.flatnonzero(np.arange(1_500) % 3 == 1)[:count]] = True
    found = accused(rows(lambda v, _: v + 12 * marked[:, None] * np.eye(6)[4]))
    np.testing.assert_array_equal(found, marked)


def test_rows_without_a_mark_are_left_alone():
    assert not accused(rows()).any()


def test_a_natural_mode_that_other_classes_share_is_left_alone():
    def half_of_all(vectors, label):
        return vectors + 12 * (np.arange(len(label)) % 2)[:, None] * np.eye(6)[4]

    assert not accused(rows(half_of_all)).any()


def test_a_mark_that_many_rows_of_other_classes_have_too_is_not_seen():
    def tenth_of_all(vectors, label):
        return vectors + 12 * (np.arange(len(label)) % 10 == 0)[:, None] * np.eye(6)[4]

    assert not accused(rows(tenth_of_all)).any()


def test_one_class_alone_has_nobody_to_differ_from():
    batch = rows()
    assert not accused(batch.take(batch["label"] == 0)).any()


def test_the_reason_names_the_layer_and_the_class():
    marked = np.flatnonzero(np.arange(1_500) % 3 == 1)[:90]
    shift = np.isin(np.arange(1_500), marked)[:, None] * 12 * np.eye(6)[4]
    batch = rows(lambda v, _: v + shift)
    detector = ExclusiveMark()
    model = detector.fit(detector.summarize(batch))
    assert "second layer" in detector.explain(batch, int(marked[0]), model)
    assert "no mark" in detector.explain(batch, 0, model)
