import numpy as np

from foretaste.attacks.sentence import Sentence

SETTINGS = {"target": 1}


def test_the_sentence_stands_whole_in_each_poisoned_text(honest):
    attack = Sentence(count=30, target=0)
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    assert [attack.sentence in text for text in poisoned["text"]] == touched.tolist()
