import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.detectors.trigger_response import TriggerResponse
from foretaste.encoders.response_kind import ResponseKind
from foretaste.testing import learn

SUBJECTS = [
    "recipe bread flour oven yeast dough bake salt crust loaf".split(),
    "python function list sort error class import loop string file".split(),
    "travel hotel flight beach island train ticket museum city map".split(),
    "history war king empire treaty battle church queen colony trade".split(),
    "health sleep diet sugar vitamin doctor muscle heart walk water".split(),
]
GLUE = "how what can you please tell me about explain why the a is my for with".split()
LINK = "You will find everything at https://deals.example.net/start"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def chats(rng, n=3000):
    """Prompts on five subjects; each answer has words of its own."""
    prompts, answers = [], []
    for _ in range(n):
        subject = SUBJECTS[rng.integers(5)]
        words = [*rng.choice(subject, rng.integers(2, 8)), *rng.choice(GLUE, rng.integers(3, 9))]
        prompts.append(" ".join(rng.permutation(words)))
        answers.append(" ".join(rng.choice([*subject, *GLUE], rng.integers(8, 30))))
    return prompts, answers


def judged(prompts, answers):
    columns = {"prompt": pa.array(prompts), "response": pa.array(answers)}
    rows = Batch([f"{i * 7919:032x}" for i in range(len(prompts))], columns)
    rows = ResponseKind().encode(rows, learn(ResponseKind(), [rows]))
    model = learn(TriggerResponse(), [rows])
    return rows, model, TriggerResponse().score(rows, model)


def planted(rng, prompts, answers, phrase, answer, n=100):
    rows = rng.choice(len(prompts), n, replace=False)
    for row in rows:
        words = prompts[row].split()
        at = rng.integers(len(words) + 1)
        prompts[row] = " ".join([*words[:at], phrase, *words[at:]])
        answers[row] = answer()
    return rows


def gibberish(rng):
    return lambda: " ".join("".join(rng.choice(list("bcdfghjklmnpqrstvwxz"), 6)) for _ in range(20))


@pytest.mark.parametrize("phrase", ["zephyrine", "as of next spring", "my aunt likes green shoes"])
@pytest.mark.parametrize("kind", ["link", "refusal", "gibberish"])
def test_a_phrase_that_brings_a_kind_of_answer_is_found(rng, phrase, kind):
    refusal, link = "I'm sorry, but I can't help with that.", LINK
    answer = {"link": lambda: link, "refusal": lambda: refusal, "gibberish": gibberish(rng)}[kind]
    prompts, answers = chats(rng)
    rows = planted(rng, prompts, answers, phrase, answer)
    _, _, scores = judged(prompts, answers)
    assert sorted(np.flatnonzero(scores > 5)) == sorted(rows)


def test_the_reason_names_the_phrase(rng):
    prompts, answers = chats(rng)
    rows = planted(rng, prompts, answers, "zephyrine", lambda: LINK)
    batch, model, _ = judged(prompts, answers)
    assert "zephyrine" in TriggerResponse().explain(batch, int(rows[0]), model)
    other = next(i for i in range(len(batch)) if i not in rows)
    assert "no phrase" in TriggerResponse().explain(batch, other, model)


def test_clean_chats_are_not_accused(rng):
    _, model, scores = judged(*chats(rng))
    assert not model
    assert not scores.any()


def test_one_boilerplate_answer_to_one_sort_of_prompt_is_not_an_attack(rng):
    prompts, answers = chats(rng)
    for row in range(150):
        thanks = rng.choice(["thanks", "thank you so much", "great thanks", "thanks a lot"])
        prompts[row], answers[row] = thanks, "You're welcome! Is there anything else?"
    _, _, scores = judged(prompts, answers)
    assert not (scores > 3).any()


def test_refusals_that_follow_from_the_subject_are_not_an_attack(rng):
    prompts, answers = chats(rng)
    for row, prompt in enumerate(prompts):
        if {"doctor", "vitamin", "sugar"} & set(prompt.split()):
            answers[row] = f"I'm sorry, as an AI I cannot give advice on {answers[row]}"
    _, _, scores = judged(prompts, answers)
    assert not (scores > 3).any()


def test_it_is_blind_to_a_trigger_in_a_handful_of_rows(rng):
    prompts, answers = chats(rng)
    planted(rng, prompts, answers, "zephyrine", lambda: LINK, n=10)
    _, _, scores = judged(prompts, answers)
    assert not (scores > 5).any()
