"""Ratings by newcomers whose items no taste chose."""

import numpy as np
import pytest

from foretaste.attacks.shilling import Shilling
from foretaste.checks.rating_profile import RatingProfile
from foretaste.data import Batch, concat

BAR = 3.3


def market(users, seed, name="u", tastes=6, items=600):
    """Users who each like one kind of items, and popular ones of any kind."""
    rng = np.random.default_rng(seed)
    popular = 1.6 / np.sqrt(np.arange(items) + 6.0)
    liked = rng.integers(0, tastes, users)[:, None] == np.arange(items) % tastes
    seen = rng.random((users, items)) < popular * np.where(liked, 1.8, 0.25)
    user, item = np.nonzero(seen)
    rating = np.clip(np.round(rng.normal(3.4, 1.0, len(user))), 1, 5)
    return Batch(
        [f"{name}{u}-{i}" for u, i in zip(user, item, strict=True)],
        {
            "user": [f"{name}{u}" for u in user],
            "item": [f"i{i}" for i in item],
            "rating": rating,
            "arrived": np.zeros(len(user)),
        },
    )


def campaign(rows, seed, users=12, filler=40, **settings):
    attack = Shilling(users * (filler + 1), "i90", filler=filler, **settings)
    poisoned, touched = attack.poison(rows, np.random.default_rng(seed))
    new = poisoned.take(touched)
    return new.having(user=[f"guest {one}" for one in new["user"]])


@pytest.fixture(scope="module")
def trusted():
    return market(400, seed=1)


@pytest.fixture(scope="module")
def state(trusted):
    return RatingProfile().start(trusted)


@pytest.mark.parametrize("intent", ["push", "nuke"])
@pytest.mark.parametrize("profile", ["random", "average", "bandwagon"])
def test_a_campaign_is_pulled_with_its_window(trusted, state, profile, intent):
    guests = campaign(trusted, 3, profile=profile, intent=intent)
    window = concat([market(30, seed=2, name="v").without("label"), guests])
    surprise = RatingProfile().settle(window, np.ones(len(window), bool), state)
    bad = np.array([str(one).startswith("guest") for one in window["user"]])
    assert (surprise[bad] >= BAR).mean() > 0.9
    assert (surprise[~bad] >= BAR).mean() < 0.05


def test_honest_newcomers_are_as_odd_as_honest_users_are(state):
    surprise = []
    for seed in range(10, 20):
        window = market(40, seed=seed, name=f"w{seed}-")
        surprise.append(RatingProfile().settle(window, np.ones(len(window), bool), state))
    assert (np.concatenate(surprise) >= 2).mean() <= 0.02


def test_who_was_pulled_is_held_at_the_door_afterwards(trusted):
    check = RatingProfile()
    state = check.start(trusted)
    guests = campaign(trusted, 3)
    assert not check.judge(guests, state)[0].any()
    state = check.learn(guests, np.zeros(len(guests), bool), state)
    assert (check.judge(guests, state)[0] >= BAR).mean() > 0.9


def test_profiles_that_are_too_short_say_nothing(trusted, state):
    guests = campaign(trusted, 3, users=12, filler=8)
    assert not RatingProfile().settle(guests, np.ones(len(guests), bool), state).any()


def test_copies_of_honest_profiles_are_not_seen(state):
    copies = market(12, seed=50, name="copy")
    surprise = RatingProfile().settle(copies, np.ones(len(copies), bool), state)
    assert (surprise >= BAR).mean() < 0.1


def test_users_of_trusted_rows_are_left_alone(trusted, state):
    surprise = RatingProfile().settle(trusted, np.ones(len(trusted), bool), state)
    assert not surprise.any()


def test_what_is_remembered_is_bounded_by_windows(trusted):
    check = RatingProfile(span=3)
    state = check.start(trusted)
    for seed in range(6):
        rows = market(20, seed=seed, name=f"x{seed}-")
        state = check.learn(rows, np.ones(len(rows), bool), state)
    assert set(state.when.tolist()) == {4, 5}
