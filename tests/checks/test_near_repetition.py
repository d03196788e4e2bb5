"""Near-copies: reworded floods are caught, newsletters like those of trusted rows are not."""

import numpy as np

from foretaste.checks.near_repetition import NearRepetition
from foretaste.data import Batch

WORDS = [f"word{i}" for i in range(500)]


def texts(n, seed, words=12):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) for _ in range(n)]


def batch(text):
    return Batch([f"{i} {one}" for i, one in enumerate(text)], {"text": text})


def flood(n):
    spam = "the best and the cheapest pills of the whole wide world are to be had only here"
    return [f"{spam} {word}" for word in texts(n, seed=9, words=2)]


def seen(check, trusted, stream):
    door, state = check.judge(stream, check.start(trusted))
    return door, check.settle(stream, np.ones(len(stream), bool), state)


def test_a_reworded_flood_is_odd_and_its_window_is_not():
    stream = batch([*texts(900, seed=1), *flood(50)])
    door, close = seen(NearRepetition(), batch(texts(1000, seed=2)), stream)
    assert (close[900:] > 3.3).mean() > 0.95
    assert (door[920:] > 3.3).mean() > 0.95
    assert (close[:900] > 3).mean() < 0.005
    assert (door[:900] > 3).mean() < 0.005


def test_what_trusted_rows_send_as_often_is_let_in():
    rng = np.random.default_rng(0)
    trusted = batch(rng.permutation([*texts(950, seed=2), *flood(50)]).tolist())
    _, close = seen(NearRepetition(), trusted, batch([*texts(950, seed=1), *flood(50)]))
    assert (close < 3).all()


def test_floods_of_chats_and_of_vectors_are_seen():
    many = texts(600, seed=3)
    chats = Batch(range(600), {"prompt": many, "response": texts(600, seed=4)})
    same = Batch(range(40), {"prompt": flood(40), "response": flood(40)})
    assert (seen(NearRepetition(), chats, same)[1] > 3).mean() > 0.9
    rng = np.random.default_rng(0)
    usual = Batch(range(600), {"embedding": rng.normal(size=(600, 8))})
    near = rng.normal(size=(1, 8)) + 0.01 * rng.normal(size=(40, 8))
    assert (seen(NearRepetition(), usual, Batch(range(40), {"embedding": near}))[1] > 3).all()
    other = Batch(range(400), {"embedding": rng.normal(size=(400, 8))})
    assert (seen(NearRepetition(), usual, other)[1] > 3).mean() < 0.01


def test_thorough_rewriting_is_not_seen():
    door, close = seen(NearRepetition(), batch(texts(1000, seed=2)), batch(texts(50, seed=5)))
    assert (close < 3).all()
    assert (door < 3).all()


def test_texts_without_letters_are_not_copies_of_each_other():
    _, close = seen(NearRepetition(), batch(texts(500, seed=2)), batch([""] * 40))
    assert (close == 0).all()


def test_records_without_content_are_let_in():
    rows = Batch(range(50), {})
    door, close = seen(NearRepetition(), rows, rows)
    assert not door.any()
    assert not close.any()


def test_what_is_remembered_does_not_grow_with_the_stream():
    check, state = NearRepetition(span=100), None
    state = check.start(batch(texts(500, seed=2)))
    for turn in range(10):
        rows = batch(texts(150, seed=100 + turn))
        state = check.learn(rows, np.ones(150, bool), check.judge(rows, state)[1])
    assert len(state.bands.keys) + len(state.bands.old_keys) <= 350 * 21


def test_the_reason_says_how_often():
    check, stream = NearRepetition(), batch(flood(40))
    _, state = check.judge(stream, check.start(batch(texts(500, seed=2))))
    assert "like it came lately" in check.explain(stream, 39, state)
