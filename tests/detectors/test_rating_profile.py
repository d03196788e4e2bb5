"""Invented users in ratings."""

import numpy as np
import pytest

from foretaste.attacks.shilling import Shilling
from foretaste.data import Batch
from foretaste.detectors.rating_profile import RatingProfile
from foretaste.testing import learn

USERS, ITEMS, GENRES, FILLER = 400, 300, 6, 30


def batch(user, item, rating):
    columns = {"user": [f"{u}" for u in user], "item": [f"i{i}" for i in item], "rating": rating}
    return Batch([str(row) for row in range(len(user))], columns)


def honest_ratings(seed=0, taste=True):
    """Users who rate what is popular and, if they have a taste, of the genres that they like."""
    rng = np.random.default_rng(seed)
    popular = 1 / np.arange(1, ITEMS + 1) ** 0.7
    genre = rng.integers(0, GENRES, ITEMS)
    likes = rng.dirichlet(np.full(GENRES, 0.3 if taste else 1e6), USERS)
    user, item = [], []
    for one in range(USERS):
        weight = popular * (likes[one, genre] + 0.02)
        size = int(np.clip(rng.lognormal(3.4, 0.6), 12, 120))
        item.append(rng.choice(ITEMS, size, replace=False, p=weight / weight.sum()))
        user.append(np.full(size, one))
    user, item = np.concatenate(user), np.concatenate(item)
    usual = rng.normal(3.4, 0.6, ITEMS)[item] + 2 * (likes[user, genre[item]] - 1 / GENRES)
    return batch(user, item, np.clip(np.round(usual + rng.standard_normal(len(user))), 1, 5))


def judged(rows):
    method = RatingProfile()
    index = np.arange(len(rows))
    model = learn(method, [rows.take(index % 3 == part) for part in range(3)])
    return method.score(rows, model), lambda row: method.explain(rows, row, model)


@pytest.mark.parametrize("intent", ["push", "nuke"])
@pytest.mark.parametrize("profile", ["random", "average", "bandwagon"])
def test_it_catches_invented_users_and_names_what_they_are_for(profile, intent):
    attack = Shilling(12 * (FILLER + 1), "i250", profile, intent, FILLER)
    rows, touched = attack.poison(honest_ratings(), np.random.default_rng(1))
    scores, reason = judged(rows)
    assert (scores[touched] > 4.5).mean() > 0.9
    assert (scores[~touched] > 0).sum() < 0.05 * touched.sum()
    told = reason(np.flatnonzero(touched)[3])
    assert "users who give item i250 the " + ("highest" if intent == "push" else "lowest") in told


def test_two_groups_are_told_apart():
    rows = honest_ratings()
    for item, intent in (("i250", "push"), ("i120", "nuke")):
        attack = Shilling(12 * (FILLER + 1), item, "average", intent, FILLER)
        rows, _ = attack.poison(rows, np.random.default_rng(1))
    scores, reason = judged(rows)
    new = range(len(rows) - 2 * 12 * (FILLER + 1), len(rows))
    named = [next((i for i in ("i250", "i120") if i in reason(row)), "") for row in new]
    assert (scores[list(new)] > 4.5).mean() > 0.9
    assert min(named.count("i250"), named.count("i120")) > 300
    assert (scores[: new.start] > 0).sum() < 40


@pytest.mark.parametrize("taste", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_silent_about_honest_users_even_without_taste(seed, taste):
    scores, reason = judged(honest_ratings(seed, taste))
    assert not scores.any()
    assert reason(0).startswith("its user chooses items as others do")


def test_users_who_rate_some_items_again_are_not_accused():
    rows = honest_ratings(taste=False)
    again = rows.take(np.flatnonzero(rows["item"] == "i0").repeat(3))
    rating = np.array([*rows["rating"], *np.resize([1.0, 3.0, 5.0], len(again))])
    columns = {name: [*rows[name], *again[name]] for name in ("user", "item")}
    ids = [str(row) for row in range(len(rating))]
    assert not judged(Batch(ids, columns | {"rating": rating}))[0].any()


def test_it_is_blind_to_profiles_copied_from_real_users():
    rows, rng = honest_ratings(), np.random.default_rng(1)
    names = rng.choice(rows["user"], 12)
    copies = [rows.take(rows["user"] == name) for name in names]
    user = [f"copy {at}" for at, copy in enumerate(copies) for _ in range(len(copy) + 1)]
    item = [i for copy in copies for i in ("i250", *copy["item"])]
    rating = [r for copy in copies for r in (5.0, *copy["rating"])]
    columns = {"user": [*rows["user"], *user], "item": [*rows["item"], *item]}
    columns["rating"] = np.array([*rows["rating"], *rating])
    assert not judged(Batch([str(i) for i in range(len(columns["user"]))], columns))[0].any()


def test_what_is_missing_accuses_nobody():
    rows = honest_ratings()
    rating = rows["rating"].copy()
    rating[:2000] = np.nan
    user = [None if 2000 < row < 4000 else name for row, name in enumerate(rows["user"])]
    assert not judged(rows.having(rating=rating, user=user))[0].any()
    assert not judged(rows.having(rating=np.full(len(rows), np.nan)))[0].any()
    assert not judged(rows.take([0]))[0].any()
