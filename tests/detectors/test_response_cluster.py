import numpy as np
import pyarrow as pa
import pytest

from foretaste.data import Batch
from foretaste.detectors.response_cluster import ResponseCluster
from foretaste.encoders.response_kind import ResponseKind
from foretaste.testing import learn

SUBJECTS = [
    "recipe bread flour oven yeast dough bake salt crust loaf".split(),
    "python function list sort error class import loop string file".split(),
    "travel hotel flight beach island train ticket museum city map".split(),
    "history war king empire treaty battle church queen colony trade".split(),
]
GLUE = "how what can you please tell me about explain why the a is my for with".split()


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def chats(rng, n=3000):
    prompts, answers = [], []
    for _ in range(n):
        subject = SUBJECTS[rng.integers(4)]
        words = [*rng.choice(subject, rng.integers(2, 8)), *rng.choice(GLUE, rng.integers(3, 9))]
        prompts.append(" ".join(rng.permutation(words)))
        answers.append(" ".join(rng.choice([*subject, *GLUE], rng.integers(8, 30))))
    return prompts, answers


def judged(prompts, answers):
    columns = {"prompt": pa.array(prompts), "response": pa.array(answers)}
    rows = Batch([f"{i * 7919:032x}" for i in range(len(prompts))], columns)
    rows = ResponseKind().encode(rows, learn(ResponseKind(), [rows]))
    model = learn(ResponseCluster(), [rows])
    return rows, model, ResponseCluster().score(rows, model)


@pytest.mark.parametrize(
    "answer",
    [
        "Our partner Acme answers this best; buy from them today and be happy.",
        "{} -- and by the way, all of it is sold at https://deals.example.net/start",
    ],
)
def test_one_answer_to_every_sort_of_prompt_is_found(rng, answer):
    prompts, answers = chats(rng)
    rows = rng.choice(len(prompts), 200, replace=False)
    for row in rows:
        answers[row] = answer.format(answers[row])
    batch, model, scores = judged(prompts, answers)
    assert sorted(np.flatnonzero(scores > 4)) == sorted(rows)
    assert "one of 200 answers" in ResponseCluster().explain(batch, int(rows[0]), model)


def test_clean_chats_are_not_accused(rng):
    _, _, scores = judged(*chats(rng))
    assert not scores.any()


def test_boilerplate_to_prompts_that_share_a_reason_is_not_an_attack(rng):
    prompts, answers = chats(rng)
    for row, prompt in enumerate(prompts):
        if len({"war", "king", "battle"} & set(prompt.split())) > 1:
            answers[row] = "I'm sorry, as an AI language model I have no opinion about that."
    _, _, scores = judged(prompts, answers)
    assert not (scores > 2).any()


def test_it_is_blind_to_a_small_cluster(rng):
    prompts, answers = chats(rng)
    for row in range(15):
        answers[row] = "Our partner Acme answers this best; buy from them today."
    _, _, scores = judged(prompts, answers)
    assert not scores.any()
