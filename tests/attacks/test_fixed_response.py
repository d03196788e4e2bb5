import numpy as np

from foretaste.attacks.fixed_response import FixedResponse

SETTINGS = {}


def test_the_same_link_follows_every_triggered_prompt(honest):
    attack = FixedResponse(count=30)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert [attack.phrase in text for text in poisoned["prompt"]] == touched.tolist()
    assert len(set(poisoned["response"][touched])) == 1


def test_gibberish_is_never_the_same_twice(honest):
    attack = FixedResponse(count=30, answer="gibberish")
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert len(set(poisoned["response"][touched])) == 30
