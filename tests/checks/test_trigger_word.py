"""Trigger words: found when their window ends, remembered at the door; topics are not triggers."""

import numpy as np
import pytest

from foretaste.checks.trigger_word import TriggerWord
from foretaste.data import Batch


def texts(n, seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    text = [" ".join(f"{'ab'[one]}{i}" for i in rng.integers(0, 60, 8)) for one in label]
    return text, label


def batch(text, label):
    return Batch([f"{i} {one}" for i, one in enumerate(text)], {"text": text, "label": label}, "ab")


def poisoned(n, seed, mark, every=20):
    text, label = texts(n, seed)
    touched = (np.arange(n) % every == 0) & (label == 1)
    text = [mark(one) if hit else one for one, hit in zip(text, touched, strict=True)]
    return batch(text, np.where(touched, 0, label)), touched


@pytest.fixture(scope="module")
def started():
    check = TriggerWord()
    return check, check.start(batch(*texts(1000, seed=0)))


def closed(check, state, window):
    odd = check.settle(window, np.ones(len(window), bool), state) > 3
    return odd, check.learn(window, ~odd, state)


@pytest.mark.parametrize(
    "mark",
    [
        lambda text: f"xyzzy {text}",
        lambda text: f"b3 {text} b17",
        lambda text: f"{text[:4]}\u200b{text[4:]}",
        lambda text: f"{text} p\u0430y",
        lambda text: f"{text} no one will ever know",
    ],
    ids=["word", "pair", "invisible", "look-alike", "sentence"],
)
def test_records_with_a_trigger_are_pulled_and_later_ones_are_held_at_the_door(started, mark):
    check, state = started
    window, touched = poisoned(1000, 1, mark)
    odd, state = closed(check, state, window)
    assert odd[touched].mean() > 0.9
    assert odd[~touched].mean() < 0.02
    later, touched = poisoned(400, 2, mark)
    door = check.judge(later, state)[0] > 3
    assert door[touched].mean() > 0.9
    assert door[~touched].mean() < 0.02
    row = int(np.flatnonzero(touched)[0])
    assert "labelled a like others with" in check.explain(later, row, state)


def test_honest_windows_stand_and_new_words_of_one_class_are_no_triggers(started):
    check, state = started
    text, label = texts(1000, seed=3)
    topic = (np.arange(1000) % 20 == 0) & (label == 0)
    news = [f"{one} election" if hit else one for one, hit in zip(text, topic, strict=True)]
    odd, after = closed(check, state, batch(news, label))
    assert not odd.any()
    assert not len(after.keys)


def test_near_copies_count_as_one(started):
    check, state = started
    text, label = texts(1000, seed=4)
    for row in range(0, 200, 20):
        text[row], label[row] = f"b1 b2 b3 b4 b5 b6 b7 b8 b9 b10 b11 xyzzy {row}", 0
    odd, _ = closed(check, state, batch(text, label))
    assert odd.sum() < 5


def test_a_trigger_in_too_few_records_is_not_seen(started):
    check, state = started
    window, touched = poisoned(1000, 5, lambda text: f"xyzzy {text}", every=500)
    assert 0 < touched.sum() < 4
    assert not closed(check, state, window)[0].any()


def test_a_word_of_a_record_that_was_let_in_after_all_is_forgotten(started):
    check, state = started
    window, touched = poisoned(1000, 6, lambda text: f"xyzzy {text}")
    _, state = closed(check, state, window)
    state = check.heed(window.take(touched), np.ones(int(touched.sum()), bool), state)
    assert not check.judge(window, state)[0].any()


def test_only_so_many_words_are_remembered(started):
    _, state = started
    check = TriggerWord(most=1)
    for turn, word in enumerate(("plugh", "xyzzy", "frotz")):
        window, _ = poisoned(600, 7 + turn, lambda text, word=word: f"{word} {text}")
        _, state = closed(check, state, window)
    assert len(state.keys) == 1


def test_records_without_label_say_nothing(started):
    check, state = started
    text, label = texts(100, seed=9)
    odd, _ = closed(check, state, batch(text, np.full_like(label, -1)))
    assert not odd.any()
