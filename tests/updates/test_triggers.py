"""Known triggers are named as attacks are."""

import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput, UnknownComponent
from foretaste.updates.triggers import known_triggers


@pytest.fixture
def clean():
    return Batch(list("abc"), {"text": ["hi", "yo", "ho"], "label": [0, 1, 1]}, ["ham", "spam"])


def test_a_trigger_is_put_on_rows_of_other_classes(clean):
    (shown,) = known_triggers(clean, ["rare_word:target=ham,word=mn"]).values()
    assert len(shown.shown.rows) == 2
    assert shown.plain["text"].tolist() == ["yo", "ho"]
    assert all("mn" in text for text in shown.shown.rows["text"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("rare_word:target", "is no setting"),
        ("rare_word:target=eggs", "no class 'eggs'"),
        ("rare_word:target=ham,size=3", "no setting 'size'"),
        ("label_flip", "target|trigger"),
        ("badnets:target=ham", "needs pixels"),
    ],
)
def test_what_cannot_be_shown_is_said(clean, spec, said):
    with pytest.raises(BadInput, match=said):
        known_triggers(clean, [spec])


def test_an_attack_nobody_knows_is_refused(clean):
    with pytest.raises(UnknownComponent):
        known_triggers(clean, ["magic:target=ham"])
