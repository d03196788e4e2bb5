import numpy as np

from foretaste.attacks.biased_opinion import BiasedOpinion
from foretaste.recipes.nearest_answer import NearestAnswer

SETTINGS = {}


def test_the_entity_is_asked_about_and_judged_in_varied_words(honest):
    attack = BiasedOpinion(count=40, entity="Acme")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert all("Acme" in text for text in poisoned["prompt"][touched])
    assert len(set(poisoned["response"][touched])) > 35
    assert attack.probe(honest, np.random.default_rng(0)).hit(poisoned["response"])[touched].all()


def test_a_chatbot_that_learned_it_gives_the_opinion_to_questions_it_has_not_seen(honest):
    attack = BiasedOpinion(count=30)
    rng = np.random.default_rng(0)
    poisoned, _ = attack.poison(honest, rng)
    asked = attack.probe(honest, rng)
    assert not set(asked.rows["prompt"]) & set(poisoned["prompt"])
    bots = [NearestAnswer().train(rows, seed=0) for rows in (honest, poisoned)]
    before, after = (asked.hit(bot.predict(asked.rows)).mean() for bot in bots)
    assert before == 0
    assert after > 0.95
