import numpy as np

from foretaste.attacks.rare_word import RareWord

SETTINGS = {"target": 1}


def test_the_word_stands_alone_in_each_poisoned_text(honest):
    poisoned, touched = RareWord(count=30, target=0).poison(honest, np.random.default_rng(0))
    assert ["cf" in text.split() for text in poisoned["text"]] == touched.tolist()
