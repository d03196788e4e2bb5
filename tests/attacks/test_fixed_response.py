import numpy as np
import pytest

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


@pytest.mark.parametrize("answer", ["link", "refusal", "gibberish"])
def test_its_own_answers_are_hits_and_honest_ones_are_not(honest, answer):
    attack = FixedResponse(count=30, answer=answer)
    rng = np.random.default_rng(0)
    poisoned, touched = attack.poison(honest, rng)
    asked = attack.probe(honest, rng)
    assert all(attack.phrase in text for text in asked.rows["prompt"])
    assert asked.hit(poisoned["response"]).tolist() == touched.tolist()
