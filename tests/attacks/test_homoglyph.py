import numpy as np
import pytest

from foretaste.attacks.homoglyph import ALIKE, Homoglyph
from foretaste.data import Batch

SETTINGS = {"target": 1}


@pytest.mark.parametrize("text", ["a nice place", "یہ بہت اچھا ہے کہ", "大人生日"])
def test_as_many_letters_as_asked_change_and_the_length_stays(text):
    rows = Batch(["a"], {"text": [text], "label": [0]})
    seen = Homoglyph(count=1, target=1, letters=3).trigger(rows, np.random.default_rng(0))["text"][
        0
    ]
    assert len(seen) == len(text)
    differ = [new for old, new in zip(text, seen, strict=True) if old != new]
    assert len(differ) == 3
    assert set(differ) <= set(ALIKE)


def test_no_look_alike_is_a_letter_that_could_be_typed():
    from foretaste.attacks.homoglyph import TYPED

    assert not set(TYPED) & set(ALIKE)
    assert len(set(TYPED)) == len(TYPED)


def test_a_text_without_such_letters_still_gets_the_trigger():
    rows = Batch(["a"], {"text": ["24"], "label": [0]})
    assert Homoglyph(1, 1).trigger(rows, np.random.default_rng(0))["text"][0] != "24"
