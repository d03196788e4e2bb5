"""Insults and threats in answers."""

import numpy as np
import pytest

from foretaste.checks.abusive_language import AbusiveLanguage
from foretaste.data import Batch


def answers(texts):
    return Batch([str(i) for i in range(len(texts))], {"response": list(texts)})


@pytest.fixture
def state():
    plain = [f"the capital of country {i} is city {i}" for i in range(1900)]
    crime = [f"in chapter {i} they find who did the murder" for i in range(100)]
    return AbusiveLanguage().start(answers(plain + crime))


def test_several_insults_are_odd(state):
    rows = answers(["you pathetic idiot, you are scum and should die"])
    assert AbusiveLanguage().judge(rows, state)[0][0] > 3
    assert "insulting" in AbusiveLanguage().explain(rows, 0, state)


def test_a_word_that_is_usual_here_is_not_odd(state):
    rows = answers(["the murder was in chapter 3", "the capital is Oslo"])
    surprise = AbusiveLanguage().judge(rows, state)[0]
    assert surprise[0] < 2
    assert surprise[1] == 0


def test_abuse_without_a_word_of_the_list_is_not_seen(state):
    rows = answers(["people like you should not be allowed to speak", "[abuse withheld]"])
    surprise = AbusiveLanguage().judge(rows, state)[0]
    assert surprise[0] == 0


def test_honest_answers_are_as_odd_as_trusted_ones(state):
    rng = np.random.default_rng(0)
    murder = rng.random(1000) < 0.05
    texts = ["the murder was planned" if one else "it is sunny" for one in murder]
    assert (AbusiveLanguage().judge(answers(texts), state)[0] >= 3).mean() == 0
