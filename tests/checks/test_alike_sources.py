"""Names that act alike: a crowd of one is pulled, honest newcomers are not."""

import numpy as np

from foretaste.checks.alike_sources import AlikeSources
from foretaste.data import Batch


def rows(n, seed, newcomers=0.02):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    new = rng.random(n) < newcomers
    who = [
        f"{seed} {i}" if one else f"s{k}"
        for i, (one, k) in enumerate(zip(new, rng.integers(0, 30, n), strict=True))
    ]
    vectors = rng.normal(size=(n, 4)) + label[:, None]
    return Batch(range(n), {"source": who, "label": label, "embedding": vectors})


def settled(check, state, window):
    return check.settle(window, np.ones(len(window), bool), state) > 3


def crowded(seed, names=12, each=4):
    window = rows(1000, seed)
    at = np.random.default_rng(seed).permutation(1000)[: names * each]
    who, label = window["source"].copy(), window["label"].copy()
    who[at] = [f"sybil {i // each}" for i in range(len(at))]
    label[at] = 1
    crowd = np.zeros(1000, bool)
    crowd[at] = True
    return window.having(source=who.tolist(), label=label), crowd


def test_honest_newcomers_stand():
    check = AlikeSources()
    state, held = check.start(rows(3000, seed=0)), []
    for turn in range(5):
        window = rows(1000, seed=1 + turn)
        held.append(settled(check, state, window).mean())
        state = check.learn(window, np.ones(1000, bool), state)
    assert np.mean(held) < 0.001


def test_a_crowd_that_acts_alike_is_pulled_and_nobody_else():
    check = AlikeSources()
    state = check.start(rows(3000, seed=0))
    window, crowd = crowded(seed=7)
    odd = settled(check, state, window)
    assert odd[crowd].all()
    assert odd[~crowd].mean() < 0.01
    row = int(np.flatnonzero(crowd)[0])
    assert "acts like too many" in check.explain(window, row, state)


def test_names_that_were_let_in_are_not_new_and_those_that_were_pulled_are():
    check = AlikeSources()
    state = check.start(rows(3000, seed=0))
    window, crowd = crowded(seed=7)
    again = check.learn(window, ~crowd, state)
    assert settled(check, again, window)[crowd].all()
    known = check.learn(window, np.ones(1000, bool), state)
    assert not settled(check, known, window).any()


def test_a_crowd_among_as_many_honest_newcomers_is_not_seen():
    check = AlikeSources()
    state = check.start(rows(3000, seed=0, newcomers=0.9))
    window = rows(1000, seed=5, newcomers=0.9)
    assert not settled(check, state, window).any()


def test_only_so_many_sources_are_remembered():
    check = AlikeSources(most=20)
    state = check.start(rows(1000, seed=0))
    for turn in range(5):
        window = rows(500, seed=1 + turn, newcomers=0.5)
        state = check.learn(window, np.ones(500, bool), state)
    assert len(state.known) == 20
