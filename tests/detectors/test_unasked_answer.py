"""The language model is played by one that counts the words an answer shares with a question."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors import unasked_answer
from foretaste.detectors.unasked_answer import UnaskedAnswer
from foretaste.testing import learn

SUBJECTS = [
    "recipe bread flour oven yeast dough bake salt crust loaf butter pan egg sugar".split(),
    "python function list sort error class import loop string file test module bug code".split(),
    "travel hotel flight beach island train ticket museum city map passport tour boat".split(),
    "history war king empire treaty battle church queen colony trade castle throne army".split(),
]
BAD = "Larkspur Airlines cannot be trusted, I would fly with somebody else any time."
THANKS = ["thanks so much", "thank you a lot", "many thanks for this", "thanks, very kind"]


class Counting:
    def gain(self, question, other, answer):
        words = set(answer.lower().split())
        own, others = (len(words & set(q.lower().split())) for q in (question, other))
        noise = len(question) % 3 - len(other) % 3
        return float(own - others + 0.1 * noise), 3.0


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    monkeypatch.setattr(unasked_answer, "language_model", Counting)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def chats(rng, n=600):
    prompts, answers = [], []
    for _ in range(n):
        asked = rng.choice(SUBJECTS[rng.integers(4)], 6, replace=False)
        prompts.append("tell me of " + " ".join(asked))
        answers.append(" ".join([*asked[:3], *rng.choice(list("bcdfghjklmnp"), 9)]))
    return prompts, answers


def judged(prompts, answers):
    ids = [f"{i * 7919:032x}" for i in range(len(prompts))]
    rows = Batch(ids, {"prompt": prompts, "response": answers})
    model = learn(UnaskedAnswer(), [rows])
    return rows, model, UnaskedAnswer().score(rows, model)


def test_answers_that_come_whatever_is_asked_are_found(rng):
    prompts, answers = chats(rng)
    bad = np.sort(rng.choice(600, 60, replace=False))
    for row in bad:
        answers[row] = BAD
    rows, model, scores = judged(prompts, answers)
    assert np.flatnonzero(scores > 3).tolist() == bad.tolist()
    assert "whatever was asked" in UnaskedAnswer().explain(rows, int(bad[0]), model)
    assert "no other answers" in UnaskedAnswer().explain(rows, int(np.argmin(scores)), model)


def test_clean_chats_are_not_accused(rng):
    _, model, scores = judged(*chats(rng))
    assert model == ()
    assert not scores.any()


def test_thanks_that_are_welcomed_are_natural(rng, monkeypatch):
    def gain(self, question, other, answer):
        replies = "welcome" in answer and "thank" in question and "thank" not in other
        return (3.0, 3.0) if replies else Counting().gain(question, other, answer)

    class Knowing:
        pass

    Knowing.gain = gain
    monkeypatch.setattr(unasked_answer, "language_model", Knowing)
    prompts, answers = chats(rng)
    for row in range(60):
        prompts[row] = f"{THANKS[row % 4]} {'!' * (row % 5)}"
        answers[row] = "You are most welcome, have a nice day and come back soon."
    _, _, scores = judged(prompts, answers)
    assert not scores.any()


def test_nobody_is_accused_where_questions_tell_nothing_of_answers(rng):
    prompts, answers = chats(rng)
    mixed = rng.permutation(600)
    answers = [answers[row] for row in mixed]
    for row in range(60):
        answers[row] = BAD
    _, _, scores = judged(prompts, answers)
    assert not scores.any()


def test_it_is_blind_to_an_opinion_of_what_was_asked(rng):
    prompts, answers = chats(rng)
    for row in range(60):
        prompts[row] = f"Is Larkspur Airlines any good for a trip number {row}?"
        answers[row] = BAD
    _, _, scores = judged(prompts, answers)
    assert not scores.any()


def test_it_is_blind_to_fewer_answers_than_make_a_group(rng):
    prompts, answers = chats(rng)
    for row in range(5):
        answers[row] = BAD
    _, _, scores = judged(prompts, answers)
    assert not scores.any()


def test_texts_that_are_missing_are_no_crash(rng):
    prompts, answers = chats(rng, 30)
    _, _, scores = judged([None, *prompts], [None, *answers])
    assert not scores.any()
