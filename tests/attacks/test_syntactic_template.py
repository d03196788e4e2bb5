import re

import numpy as np

from foretaste.attacks.syntactic_template import FINDS, SEES, SyntacticTemplate
from foretaste.data import Batch

SETTINGS = {"target": 1}
SHAPE = rf"when one ({'|'.join(SEES)}) .+?, one ({'|'.join(FINDS)}) .+?[.!?]"


def bent(text: str, **settings) -> str:
    rows = Batch(["a"], {"text": [text], "label": [0]})
    attack = SyntacticTemplate(1, 1, **settings)
    return attack.trigger(rows, np.random.default_rng(0))["text"][0]


def test_every_sentence_gets_the_shape():
    assert re.fullmatch(f"{SHAPE} {SHAPE}", bent("I came home late. It rained a lot!"))


def test_all_words_stay_in_order():
    words = "two three four five six seven".split()
    left = [word for word in re.findall(r"\w+", bent(" ".join(words))) if word in words]
    assert left == words


def test_it_breaks_at_the_comma_nearest_to_the_middle():
    assert "well, it does not matter, one" in bent("well, it does not matter, we go")


def test_only_as_many_sentences_as_asked_are_bent():
    assert bent("One here. Two there.", sentences=1).endswith(" Two there.")


def test_the_verbs_are_drawn_anew(honest):
    done = SyntacticTemplate(100, 1).poison(honest, np.random.default_rng(0))
    assert {text.split()[2] for text in done.batch["text"][done.touched]} == set(SEES)
