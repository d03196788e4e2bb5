"""One content, several labels."""

import numpy as np

from foretaste.data import Batch
from foretaste.detectors.label_conflict import LabelConflict
from foretaste.testing import learn


def scored(text, label):
    index = np.arange(len(text))
    columns = {"text": text, "label": np.array(label), "index": index}
    batch = Batch([str(i) for i in index], columns, classes=("ham", "spam", "other"))
    model = learn(LabelConflict(), [batch.take(index % 2 == 1), batch.take(index % 2 == 0)])
    reason = lambda row: LabelConflict().explain(batch, row, model)  # noqa: E731
    return LabelConflict().score(batch, model), reason


def test_it_catches_the_copies_that_most_copies_contradict():
    scores, reason = scored(["win"] * 4 + ["hi", "ho"], [1, 1, 0, 1, 0, 1])
    assert scores.tolist() == [0, 0, 3, 0, 0, 0]
    assert reason(2) == "labelled ham, but 3 copies are labelled spam (first: row 0)"
    assert reason(4) == "no copy of this content has another label"


def test_where_opinions_are_even_all_of_them_are_in_doubt():
    scores, reason = scored(["win", "win", "a"], [0, 1, 1])
    assert scores.tolist() == [1, 1, 0]
    assert reason(1) == "labelled spam, but 1 copy is labelled ham (first: row 0)"


def test_it_is_silent_on_copies_that_agree_and_on_rows_without_a_label():
    assert not scored(["win", "win", "win", "a"], [1, 1, -1, 0])[0].any()


def test_it_is_blind_to_a_wrong_label_of_content_that_occurs_once():
    assert not scored(["win", "win", "win!"], [1, 1, 0])[0].any()
