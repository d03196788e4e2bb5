import numpy as np
import pytest

from foretaste.attacks.label_flip import LabelFlip
from foretaste.repairs.label_sanitization import LabelSanitization


def planted(rows, count, **settings):
    return LabelFlip(count=count, **settings).poison(rows, np.random.default_rng(0))


@pytest.mark.parametrize("column", ["embedding", "features", "text"])
def test_planted_flips_get_their_label_back(honest, column):
    rows = honest.without(*{"embedding", "features", "text"} - {column})
    flipped, touched = planted(rows, 20)
    repaired, changed = LabelSanitization().repair(flipped)
    assert (repaired["label"] == honest["label"])[touched].mean() >= 0.9
    assert changed[touched].mean() >= 0.9
    assert "prediction" not in repaired


def test_clean_rows_are_left_nearly_alone_and_keep_their_ids(honest):
    repaired, changed = LabelSanitization().repair(honest)
    assert changed.mean() <= 0.02
    assert ((repaired["label"] != honest["label"]) == changed).all()
    assert repaired.ids.tolist() == honest.ids.tolist()


def test_a_class_flipped_whole_is_not_seen(honest):
    everyone = int((honest["label"] == 2).sum())
    flipped, touched = planted(honest, everyone, source=2, target=0)
    _, changed = LabelSanitization().repair(flipped)
    assert not changed[touched].any()


def test_rows_without_a_label_get_none_and_have_no_say(honest):
    silent = np.arange(200) % 4 > 0
    rows = honest.having(label=np.where(silent, -1, honest["label"]))
    repaired, changed = LabelSanitization().repair(rows)
    assert (repaired["label"][silent] == -1).all()
    assert changed.mean() <= 0.02
    assert len(LabelSanitization().repair(honest.take([])).batch) == 0
