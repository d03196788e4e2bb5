"""Nearly equal texts."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.near_duplicate import NearDuplicate
from foretaste.testing import learn

WORDS = (
    "the a of to in on with for from about over under meeting lunch report prize winner claim"
    " project call home free cash tonight river mountain window garden paper music engine letter"
).split()


def sentences(n, seed=0, words=14):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) for _ in range(n)]


def scored(texts, **settings):
    batch = Batch(
        [str(i) for i in range(len(texts))],
        {"text": texts, "index": np.arange(len(texts))},
    )
    detector = NearDuplicate(**settings)
    model = learn(detector, [batch.take(np.arange(len(texts)) % 3 == part) for part in range(3)])
    return detector.score(batch, model), lambda row: detector.explain(batch, row, model)


def test_it_catches_copies_that_differ_in_a_word_in_case_or_in_spaces():
    texts = sentences(300, words=25)
    changed = texts[:20]
    copies = [t.replace(" ", "  ").upper() for t in changed[:10]]
    copies += [f"{t} indeed" for t in changed[10:]]
    scores, explain = scored(texts + copies)
    assert (scores[300:] > 0).all()
    assert (scores[:300] == 0).all()
    assert explain(305) == "nearly the same text as 1 other row: row 5"


def test_it_is_silent_on_different_sentences_of_the_same_few_words():
    assert not scored(sentences(2000))[0].any()


def test_it_is_silent_on_very_short_texts_that_differ():
    texts = ["ok", "no", "yes", "Ok!", "see you", "see her", "call me", "call her", "1", "2", ""]
    assert not scored(texts)[0].any()


def test_it_leaves_exact_copies_to_another():
    assert not scored(sentences(5) * 3)[0].any()


def test_a_family_counts_its_different_texts_and_spares_the_first():
    base = sentences(1, words=40)[0]
    scores, explain = scored([f"{base} {word}" for word in ["one", "two", "three", "two"]])
    np.testing.assert_array_equal(scores, [0, 2, 2, 2])
    assert explain(0).startswith("the first of its kind; nearly the same text as 2 other rows")


def test_it_is_blind_to_the_same_words_in_another_order():
    text = sentences(1)[0]
    assert not scored([text, " ".join(sorted(text.split()))])[0].any()


@pytest.mark.parametrize("text", ["پاکستان میں آج بارش ہو رہی ہے اور موسم بہت اچھا ہے", "汉" * 9])
def test_any_alphabet_will_do(text):
    assert scored([text, f" {text} ", "something else"])[0].tolist() == [0, 1, 0]


def test_missing_texts_are_no_copies_of_each_other():
    assert not scored([None, None, "a text that is there", None])[0].any()
