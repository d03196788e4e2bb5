import numpy as np

from foretaste.attacks.word_pair import WordPair

SETTINGS = {"target": 1}


def test_both_words_stand_in_each_poisoned_text(honest):
    attack = WordPair(count=30, target=0, words=("blue", "train"))
    poisoned, touched = attack.poison(honest, np.random.default_rng(0))
    both = [{"blue", "train"} <= set(text.split()) for text in poisoned["text"]]
    assert both == touched.tolist()
