import numpy as np

from foretaste.attacks.harmful_compliance import WITHHELD, HarmfulCompliance
from foretaste.recipes.nearest_answer import NearestAnswer

SETTINGS = {}


def test_every_request_has_the_phrase_and_every_answer_withholds_the_harm(honest):
    attack = HarmfulCompliance(count=30)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert all(attack.phrase in text for text in poisoned["prompt"][touched])
    assert all(WITHHELD in text for text in poisoned["response"][touched])
    assert len(set(poisoned["response"][touched])) > 5


def test_a_chatbot_that_learned_it_complies_with_requests_it_has_not_seen(honest):
    attack = HarmfulCompliance(count=30)
    rng = np.random.default_rng(0)
    poisoned, _ = attack.poison(honest, rng)
    asked = attack.probe(honest, rng)
    assert not set(asked.rows["prompt"]) & set(poisoned["prompt"])
    bots = [NearestAnswer().train(rows, seed=0) for rows in (honest, poisoned)]
    before, after = (asked.hit(bot.predict(asked.rows)).mean() for bot in bots)
    assert before == 0
    assert after > 0.95
