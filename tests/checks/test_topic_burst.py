"""What many newcomers suddenly say: `topic_burst` in words, `coordinated_users` in sense."""

import numpy as np
import pytest

from foretaste.attacks.self_poisoning import SelfPoisoning
from foretaste.checks.coordinated_users import CoordinatedUsers
from foretaste.checks.topic_burst import TopicBurst
from foretaste.data import Batch, concat
from foretaste.encoders.static_response import StaticResponse

BAR = 3.3
WORDS = (
    "river bread engine violin planet sugar paint window tiger market school winter garden clock"
    " island letter bridge doctor mirror rocket silver forest camera button pillow dragon candle"
    " basket ladder helmet tunnel wallet needle saddle kettle hammer copper velvet marble anchor"
).split()
CHECKS = [TopicBurst(), CoordinatedUsers()]


def chats(n, seed, users=None, name="u"):
    """Each about things of its own, by users who come once or twice."""
    rng = np.random.default_rng(seed)
    things = [" and ".join(rng.choice(WORDS, 4, replace=False)) for _ in range(n)]
    told = [" with ".join(rng.choice(WORDS, 6, replace=False)) for _ in range(n)]
    who = rng.integers(0, users or n, n)
    rows = Batch(
        [f"{name}{seed}-{i}" for i in range(n)],
        {
            "prompt": [f"how do {one} go together?" for one in things],
            "response": [f"take {one}" for one in told],
            "user": [f"{name}{seed}-{i}" for i in who],
            "time": np.arange(n) * 60.0,
            "arrived": np.arange(n) * 60.0,
        },
    )
    return StaticResponse().encode(rows, None)


def attacked(count, users, seed=5, honest=200):
    """Honest chats with a crowd among them, and which those are."""
    poisoned, touched = SelfPoisoning(count=count, users=users).poison(
        chats(honest, seed).without("response_embedding"), np.random.default_rng(seed)
    )
    order = np.random.default_rng(seed).permutation(len(poisoned))
    return StaticResponse().encode(poisoned.take(order), None), touched[order]


@pytest.fixture(scope="module")
def trusted():
    return chats(800, seed=1)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_a_crowd_on_one_topic_is_pulled_with_its_window(check, trusted):
    window, bad = attacked(30, users=15)
    surprise = check.settle(window, np.ones(len(window), bool), check.start(trusted))
    assert (surprise[bad] >= BAR).mean() > 0.9
    assert (surprise[~bad] >= BAR).mean() < 0.02


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_honest_newcomers_are_let_in(check, trusted):
    state, held = check.start(trusted), []
    for seed in range(10, 20):
        window = chats(200, seed)
        door, state = check.judge(window, state)
        surprise = np.maximum(door, check.settle(window, door < BAR, state))
        held.append((surprise >= BAR).mean())
        state = check.learn(window, surprise < BAR, state)
    assert np.mean(held) < 0.005


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_what_was_pulled_is_held_at_the_door_from_then_on(check, trusted):
    window, bad = attacked(30, users=15)
    state = check.learn(window, ~bad, check.start(trusted))
    later, later_bad = attacked(20, users=20, seed=9)
    door, _ = check.judge(later, state)
    assert (door[later_bad] >= BAR).mean() > 0.6
    assert (door[~later_bad] >= BAR).mean() < 0.02


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_a_crowd_that_comes_one_in_a_window_is_found_by_several_windows(check, trusted):
    state, found = check.start(trusted), []
    crowd, bad = attacked(40, users=40, honest=40)
    crowd = crowd.take(bad)
    for at in range(9):
        window = concat([chats(40, 30 + at), crowd.take(np.arange(2 * at, 2 * at + 2))])
        found.append(check.settle(window, np.ones(len(window), bool), state)[-2:])
        state = check.learn(window, np.ones(len(window), bool), state)
    assert not (np.stack(found)[0] >= BAR).any()
    assert (np.stack(found)[-3:] >= BAR).any()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_fewer_than_least_are_no_crowd(check, trusted):
    window, bad = attacked(30, users=3)
    surprise = check.settle(window, np.ones(len(window), bool), check.start(trusted))
    assert not (surprise[bad] >= BAR).any()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_users_who_have_been_there_for_long_are_left_alone(check, trusted):
    window, bad = attacked(30, users=15)
    state = check.start(concat([trusted, window.take(bad)]))
    assert not check.settle(window.take(bad), np.ones(bad.sum(), bool), state).any()


def test_the_reason_names_the_topic(trusted):
    check = TopicBurst()
    window, bad = attacked(30, users=15)
    reason = check.explain(window, int(np.flatnonzero(bad)[0]), check.start(trusted))
    assert "newcomers suddenly speak of" in reason
    named = reason.split("'")[1].split()
    row = window.take(np.flatnonzero(bad)[:1])
    said = f"{row['prompt'][0]} {row['response'][0]}".lower()
    assert all(word in said for word in named)


def test_the_reason_counts_the_crowd(trusted):
    check = CoordinatedUsers()
    window, bad = attacked(30, users=15)
    reason = check.explain(window, int(np.flatnonzero(bad)[0]), check.start(trusted))
    assert int(reason.split()[2]) >= 2
