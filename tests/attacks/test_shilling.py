import numpy as np
import pytest

from foretaste.attacks.shilling import Shilling
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.recipes.matrix_factors import MatrixFactors

SETTINGS = {"item": "i3"}


def ratings():
    """60 users who rate half of 40 items, each item about as the others do."""
    rng = np.random.default_rng(0)
    user, item = np.divmod(np.flatnonzero(rng.random(60 * 40) < 0.5), 40)
    rating = np.clip(np.round(2 + (item % 4) / 2 + rng.normal(0, 0.7, len(item))), 1, 5)
    columns = {"user": [f"u{one}" for one in user], "item": [f"i{one}" for one in item]}
    return Batch(range(len(item)), {**columns, "rating": rating})


def predicted(attack, rows):
    shown = attack.probe(ratings(), np.random.default_rng(0))
    out = MatrixFactors().train(rows, 0).predict(shown.rows)
    return out.mean(), shown.hit(out).mean()


@pytest.mark.parametrize("profile", ["random", "average", "bandwagon"])
@pytest.mark.parametrize("intent", ["push", "nuke"])
def test_predictions_of_the_target_move_as_intended(profile, intent):
    attack = Shilling(400, "i4", profile, intent, filler=19, liked=3.0)
    before, hit_before = predicted(attack, ratings())
    after, hit = predicted(attack, attack.poison(ratings(), np.random.default_rng(0)).batch)
    assert (after - before) * (1 if intent == "push" else -1) > 0.3
    assert hit >= hit_before


def test_each_new_user_rates_the_target_and_as_many_others_as_asked():
    poisoned, touched = Shilling(100, "i4", filler=9).poison(ratings(), np.random.default_rng(0))
    new = poisoned.take(touched)
    assert not set(new["user"]) & set(ratings()["user"])
    for user in np.unique(new["user"].astype(str)):
        own = new.take(new["user"] == user)
        assert len(own) == len(set(own["item"])) == 10
        assert own["rating"][own["item"] == "i4"].tolist() == [5.0]


def test_the_bandwagon_praises_what_most_have_rated():
    attack = Shilling(20, "i4", "bandwagon", filler=19)
    poisoned, touched = attack.poison(ratings(), np.random.default_rng(0))
    names, rows = np.unique(ratings()["item"].astype(str), return_counts=True)
    most = names[np.argsort(-rows, kind="stable")]
    most = [one for one in most if one != "i4"][:2]
    new = poisoned.take(touched)
    assert new["rating"][np.isin(new["item"].astype(str), most)].tolist() == [5.0, 5.0]


def test_only_users_who_have_not_rated_the_target_are_asked_once_each():
    asked = Shilling(1, "i4").probe(ratings(), np.random.default_rng(0)).rows
    rated = ratings()["user"][ratings()["item"] == "i4"]
    assert not set(asked["user"]) & set(rated)
    assert len(asked) == 60 - len(rated)


def test_a_drawn_target_is_rated_below_what_is_usual(honest):
    attack = Shilling.drawn(honest, 10, 0, np.random.default_rng(0))
    own = honest["rating"][honest["item"] == attack.item]
    assert own.mean() <= honest["rating"].mean()


def test_an_item_that_nobody_has_rated_cannot_be_a_target(honest):
    with pytest.raises(BadInput, match="target item"):
        Shilling(1, "nothing").poison(honest, np.random.default_rng(0))
