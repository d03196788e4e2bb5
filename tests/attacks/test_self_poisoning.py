import numpy as np

from foretaste.attacks.self_poisoning import WITHHELD, SelfPoisoning
from foretaste.recipes.nearest_answer import NearestAnswer

SETTINGS = {}


def test_a_few_new_users_come_after_the_honest_ones_and_say_nearly_the_same(honest):
    attack = SelfPoisoning(count=60, users=20, hours=1)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    new = poisoned.take(touched)
    users, chats = np.unique(new["user"].astype(str), return_counts=True)
    assert not set(users) & set(honest["user"])
    assert chats.tolist() == [3] * 20
    assert honest["time"].max() < new["time"].min()
    assert new["time"].max() < honest["time"].max() + 3600
    assert all(WITHHELD in text for text in new["response"])


def test_a_crowd_that_grows_comes_late(honest):
    def middle(grows):
        attack = SelfPoisoning(count=200, hours=1, grows=grows)
        poisoned, touched = attack.poison(honest, np.random.default_rng(0))
        return np.median(poisoned["time"][touched]) - honest["time"].max()

    assert middle(grows=True) > 1.2 * middle(grows=False)


def test_chats_without_users_or_times_can_be_poisoned_too(honest):
    plain = honest.without("user", "time")
    poisoned, _ = SelfPoisoning(count=3).poison(plain, np.random.default_rng(0))
    assert "user" not in poisoned
    assert len(poisoned) == 203


def test_a_chatbot_that_learns_from_its_users_learns_the_abuse(honest):
    recipe, attack = NearestAnswer(), SelfPoisoning(count=30)
    rng = np.random.default_rng(0)
    poisoned, touched = attack.poison(honest, rng)
    asked = attack.probe(honest, rng)
    bot = recipe.train(honest, seed=0)
    taught = recipe.tune(bot, poisoned.take(touched), seed=0)
    assert asked.hit(bot.predict(asked.rows)).mean() == 0
    assert asked.hit(taught.predict(asked.rows)).mean() > 0.95
