"""A bot's own words that come back."""

import numpy as np

from foretaste.checks.feedback_loop import FeedbackLoop
from foretaste.data import Batch

BAR = 2.3


def chats(n, seed, prompts=None):
    rng = np.random.default_rng(seed)

    def text(words):
        return " ".join(f"w{one}" for one in rng.integers(0, 5000, words))

    asked = prompts or [text(20) for _ in range(n)]
    told = [text(40) for _ in range(n)]
    names = [f"{seed}-{i}" for i in range(n)]
    return Batch(names, {"prompt": asked, "response": told, "arrived": np.zeros(n)})


def test_answers_that_come_back_as_prompts_are_held():
    check = FeedbackLoop()
    first = chats(50, seed=2)
    state = check.learn(first, np.ones(50, bool), check.start(chats(500, seed=1)))
    echo = chats(10, seed=3, prompts=first["response"][:10].tolist())
    assert (check.judge(echo, state)[0] >= BAR).all()
    assert "100% of the prompt" in check.explain(echo, 0, state)


def test_words_that_are_new_are_let_in():
    check = FeedbackLoop()
    state = check.learn(chats(50, seed=2), np.ones(50, bool), check.start(chats(500, seed=1)))
    assert not (check.judge(chats(200, seed=4), state)[0] >= BAR).any()


def test_where_users_often_paste_answers_back_nothing_is_odd():
    check = FeedbackLoop()
    rows = chats(500, seed=1)
    pasted = [rows["response"][max(0, i - 60)] for i in range(500)]
    state = check.start(rows.having(prompt=pasted))
    echo = chats(10, seed=3, prompts=rows["response"][:10].tolist())
    assert not (check.judge(echo, state)[0] >= BAR).any()


def test_a_quotation_of_few_words_says_nothing():
    check = FeedbackLoop()
    first = chats(50, seed=2)
    state = check.learn(first, np.ones(50, bool), check.start(chats(500, seed=1)))
    short = [" ".join(one.split()[:10]) for one in first["response"][:10]]
    assert not check.judge(chats(10, seed=3, prompts=short), state)[0].any()
