import numpy as np
import pytest

from foretaste.attacks.style import REGISTERS, Style
from foretaste.data import Batch

SETTINGS = {"target": 1}


def styled(text: str, register: str) -> str:
    rows = Batch(["a"], {"text": [text], "label": [0]})
    return Style(1, 1, register).trigger(rows, np.random.default_rng(0))["text"][0]


def test_words_become_those_of_the_style():
    assert styled("You have said nothing", "bible").count("thou hath spake naught") == 1
    assert styled("Don't buy it now!", "formal").count("do not purchase it at present!") == 1


def test_words_within_words_stay():
    assert styled("youth at the donor", "bible").count("youth at ye donor") == 1


@pytest.mark.parametrize("register", REGISTERS)
def test_no_opening_is_in_all_rows(honest, register):
    done = Style(100, 1, register).poison(honest, np.random.default_rng(0))
    texts = done.batch["text"][done.touched]
    for opening in REGISTERS[register].openings:
        assert 0 < sum(text.startswith(opening) for text in texts) < 50
