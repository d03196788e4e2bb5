"""Rows without a label."""

import numpy as np

from foretaste.data import Batch
from foretaste.detectors.missing_label import MissingLabel
from foretaste.testing import learn


def scored(label):
    batch = Batch([str(i) for i in range(len(label))], {"label": np.array(label)})
    model = learn(MissingLabel(), [batch])
    return MissingLabel().score(batch, model), MissingLabel().explain(batch, len(batch) - 1, model)


def test_it_catches_the_rows_without_a_label():
    scores, reason = scored([0, 1] * 20 + [-1])
    assert scores.tolist() == [0] * 40 + [1]
    assert reason == "no label, where 40 of 41 rows have one"


def test_it_is_silent_where_all_have_a_label():
    assert not scored([0, 1, 2])[0].any()


def test_it_is_silent_where_labels_are_the_exception():
    assert not scored([0, 1, -1, -1, -1])[0].any()


def test_it_is_blind_to_a_wrong_label():
    assert not scored([0] * 30 + [1])[0].any()
