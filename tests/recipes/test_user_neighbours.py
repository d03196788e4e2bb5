import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes import user_neighbours
from foretaste.recipes.user_neighbours import UserNeighbours


def ratings(seed=0):
    """Two kinds of users and of items; each kind likes its own."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.flatnonzero(rng.random(80 * 50) < 0.5), 50)
    rating = 3 + 1.5 * np.where(user % 2 == item % 2, 1, -1) + rng.normal(0, 0.3, len(user))
    columns = {"user": [f"u{one}" for one in user], "item": [f"i{one}" for one in item]}
    return Batch(range(len(user)), {**columns, "rating": np.clip(rating, 1, 5)})


def test_those_who_agree_with_one_foretell_what_one_likes():
    recipe, fresh = UserNeighbours(), ratings(seed=1)
    assert recipe.quality(recipe.train(ratings(), 0).predict(fresh), fresh) > -0.4


def test_who_disagrees_is_not_heard():
    recommender = UserNeighbours(neighbours=80).train(ratings(), 0)
    asked = Batch(["x", "y"], {"user": ["u0", "u1"], "item": ["i2", "i2"]})
    assert np.diff(recommender.predict(asked))[0] < -2


def test_strangers_get_what_is_usual_and_a_new_item_what_is_usual_for_the_user():
    rows = ratings()
    recommender = UserNeighbours().train(rows, 0)
    strangers = Batch(["x", "y"], {"user": ["nobody", "u3"], "item": ["i3", "nothing"]})
    own = rows["rating"][rows["user"] == "u3"].mean()
    assert np.allclose(recommender.predict(strangers), [rows["rating"].mean(), own])


def test_no_rows_at_all_is_no_crash():
    recommender = UserNeighbours().train(ratings().take([]), 0)
    assert set(recommender.predict(ratings())) == {0.0}


def test_too_many_users_are_refused_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(user_neighbours, "_CELLS", 3_999)
    with pytest.raises(BadInput, match="80 users by 50 items"):
        UserNeighbours().train(ratings(), 0)
