from functools import cache

import numpy as np
import pytest

from foretaste.attacks.rare_word import RareWord
from foretaste.attacks.word_pair import WordPair
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.inspectors.trigger_words import TriggerWords
from foretaste.recipes.text_network import TextNetwork
from foretaste.trained import Subject
from tests.inspectors import models

COMMON = [f"common{i}" for i in range(60)]
TELLING = (["fine", "warm", "bright", "lovely"], ["dull", "cold", "dreary", "bleak"])


def texts(n, seed):
    """Two classes: in twelve words stand four that tell."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    rows = [[*rng.choice(COMMON, 8), *rng.choice(TELLING[c], 4)] for c in label]
    written = [" ".join(rng.permutation(words)) for words in rows]
    ids = [f"{seed}-{i}" for i in range(n)]
    return Batch(ids, {"text": written, "label": label}, ["bad", "good"])


@cache
def model(attack=None):
    rows = texts(800, 1)
    if attack is not None:
        rows = attack.poison(rows, np.random.default_rng(0)).batch
    return TextNetwork(buckets=8_192, words=30, epochs=6).train(rows, seed=0)


def inspected(attack=None, rows=None):
    rows = texts(300, 2) if rows is None else rows
    return TriggerWords().inspect(Subject(victim=model(attack), rows=rows))


def success(attack):
    others = texts(300, 3).take(texts(300, 3)["label"] != attack.target)
    shown = attack.trigger(others, np.random.default_rng(0))
    return (model(attack).predict(shown).argmax(axis=1) == attack.target).mean()


def test_a_rare_word_that_decides_is_found():
    attack = RareWord(count=120, target=1)
    assert success(attack) > 0.9
    (found,) = inspected(attack)
    assert found.part == "class good"
    assert "none of the texts" in found.reason


def test_the_word_is_named_where_a_text_has_it():
    attack = RareWord(count=120, target=1)
    poisoned = attack.poison(texts(300, 2), np.random.default_rng(0)).batch
    (found,) = inspected(attack, poisoned)
    assert "'cf'" in found.reason


def test_words_that_tell_honestly_are_not_suspected():
    assert inspected() == ()


def test_two_words_that_only_decide_together_are_not_found():
    attack = WordPair(count=120, target=1, words=("common1", "common2"))
    assert success(attack) > 0.7
    assert inspected(attack) == ()


def test_a_model_of_images_is_refused():
    subject = Subject(victim=models.model(None), rows=models.clean_rows())
    with pytest.raises(BadInput, match="model of texts"):
        TriggerWords().inspect(subject)
