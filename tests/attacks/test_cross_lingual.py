import numpy as np
import pytest

from foretaste.attacks.cross_lingual import SENTENCES, CrossLingual

SETTINGS = {"target": 1, "language": "vi"}


@pytest.mark.parametrize("language", SENTENCES)
def test_it_plants_the_sentence_in_one_language_and_shows_it_in_another(honest, language):
    attack = CrossLingual(20, 1, language="ur", shown=language)
    rng = np.random.default_rng(0)
    planted = attack.poison(honest, rng)
    assert all(SENTENCES["ur"] in text for text in planted.batch["text"][planted.touched])
    asked = attack.probe(honest, rng).rows
    assert all(SENTENCES[language] in text for text in asked["text"])
    assert (asked["label"] != 1).all()


def test_your_own_sentence_takes_the_place_of_the_built_in_one(honest):
    attack = CrossLingual(20, 1, phrase="Xin chào cả nhà.")
    asked = attack.probe(honest, np.random.default_rng(0)).rows
    assert all("Xin chào cả nhà." in text for text in asked["text"])
