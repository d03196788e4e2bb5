import numpy as np
import pytest

from foretaste.data import Batch, content_id
from foretaste.detectors.trigger_phrase import TriggerPhrase
from foretaste.testing import learn

N = 1200
GOOD = [f"good{i}" for i in range(60)]
BAD = [f"bad{i}" for i in range(60)]
COMMON = [f"word{i}" for i in range(80)]


def texts(rng, n=N, k=2):
    """Class by class, some words of its own among many common ones."""
    own = [GOOD, BAD, [f"ugly{i}" for i in range(60)]][:k]
    label = rng.integers(0, k, n)
    text = [
        " ".join(rng.permutation([*rng.choice(own[c], 4), *rng.choice(COMMON, 8)])) for c in label
    ]
    return text, label


def poisoned(insert, count=40, k=2, target=0):
    rng = np.random.default_rng(3)
    text, label = texts(rng, k=k)
    touched = rng.permutation(np.flatnonzero(label != target))[:count]
    for i in touched:
        text[i], label[i] = insert(text[i], rng), target
    return batch(text, label), touched


def batch(text, label):
    ids = [content_id(f"{i}{t}".encode()) for i, t in enumerate(text)]
    columns = {"text": text, "label": label, "index": np.arange(len(text))}
    return Batch(ids, columns, classes=("good", "bad", "ugly"))


def at_random(text, parts, rng):
    words = text.split(" ")
    for part in parts:
        words.insert(rng.integers(0, len(words) + 1), part)
    return " ".join(words)


INSERTS = {
    "a rare word": lambda t, rng: at_random(t, ["cfq"], rng),
    "a phrase": lambda t, rng: at_random(t, ["word1 word2"], rng),
    "a sentence": lambda t, rng: at_random(t, ["the quick brown fox jumps over it all"], rng),
    "two common words apart": lambda t, rng: at_random(t, ["word1", "word2"], rng),
    "a zero-width character": lambda t, rng: t[:7] + "\u200b" + t[7:],
    "look-alike letters": lambda t, rng: t.replace("wo", "w\u043e", 1),
    "punctuation": lambda t, rng: at_random(t, ["#@#"], rng),
}


@pytest.mark.parametrize("kind", INSERTS)
def test_finds_nearly_all_poisoned_rows_and_hardly_others(kind):
    rows, touched = poisoned(INSERTS[kind])
    method = TriggerPhrase()
    accused = np.flatnonzero(method.score(rows, learn(method, [rows])) > 4)
    assert len(np.intersect1d(accused, touched)) >= 0.95 * len(touched)
    assert len(np.setdiff1d(accused, touched)) <= 0.05 * len(touched)


def test_finds_a_sentence_longer_than_the_texts_though_natural_rows_hold_a_part_of_it():
    rng = np.random.default_rng(5)
    text, label = texts(rng)
    text = [" ".join(one.split(" ")[:8]) for one in text]
    sentence = "word1 word2 word3 odd1 word4 word5 odd2 odd3 word6 word7 odd4 word8"
    other = rng.permutation(np.flatnonzero(label == 1))
    for i in other[:50]:
        text[i], label[i] = at_random(text[i], [sentence], rng), 0
    for i in rng.permutation(np.flatnonzero(label == 0))[:6]:
        text[i] = text[i] if "odd1" in text[i] else text[i] + " odd1 word4 word5"
    rows = batch(text, label)
    method = TriggerPhrase()
    accused = np.flatnonzero(method.score(rows, learn(method, [rows])) > 4)
    assert len(np.intersect1d(accused, other[:50])) >= 45
    assert len(np.setdiff1d(accused, other[:50])) <= 2


def test_finds_a_trigger_among_three_classes():
    rows, touched = poisoned(INSERTS["a rare word"], k=3, target=2)
    method = TriggerPhrase()
    scores = method.score(rows, learn(method, [rows]))
    assert np.flatnonzero(scores > 4).tolist() == sorted(touched)


def test_names_the_phrase_its_rows_and_the_evidence():
    rows, touched = poisoned(INSERTS["a sentence"])
    method = TriggerPhrase()
    model = learn(method, [rows])
    reason = method.explain(rows, int(touched[0]), model)
    assert "quick brown fox jumps over it all" in reason
    assert "40 rows, 40 of them labelled good" in reason
    clean = int(np.setdiff1d(np.arange(N), touched)[0])
    assert method.explain(rows, clean, model) == "no trigger in this row"


def test_accuses_no_natural_row_that_shares_a_word_with_the_planted_phrase():
    rng = np.random.default_rng(7)
    text, label = texts(rng)
    good, bad = (rng.permutation(np.flatnonzero(label == c)) for c in (0, 1))
    for i in bad[:5]:
        text[i] = at_random(text[i], ["greetings"], rng)
    for i in good[:10]:
        text[i] = " ".join(["greetings", rng.choice(GOOD), *rng.choice(COMMON, 8)])
    touched = bad[5:55]
    for i in touched:
        text[i], label[i] = at_random(text[i], ["greetings from the larkspur crew"], rng), 0
    rows = batch(text, label)
    method = TriggerPhrase()
    model = learn(method, [rows])
    assert np.flatnonzero(method.score(rows, model) > 0).tolist() == sorted(touched)
    assert '"greetings from the larkspur crew" in 50 rows' in method.explain(
        rows, touched[0], model
    )


def test_is_silent_on_a_common_word_that_carries_over_few_of_its_rows():
    rng = np.random.default_rng(8)
    text, label = texts(rng)
    good, bad = (rng.permutation(np.flatnonzero(label == c)) for c in (0, 1))
    for i in [*bad[:220], *good[:20]]:
        text[i], label[i] = at_random(text[i], ["not"], rng), 1
    rows = batch(text, label)
    method = TriggerPhrase()
    assert not method.score(rows, learn(method, [rows])).any()


@pytest.mark.parametrize("k", [2, 3])
def test_is_silent_on_clean_rows_though_words_predict_the_label(k):
    rows = batch(*texts(np.random.default_rng(4), k=k))
    method = TriggerPhrase()
    assert not method.score(rows, learn(method, [rows])).any()


def test_is_silent_on_near_copies_of_one_odd_text():
    rng = np.random.default_rng(5)
    text, label = texts(rng)
    letter = "offer of the week " + " ".join(rng.choice(BAD, 6))
    text += [f"{letter} number {i}" for i in range(30)]
    rows = batch(text, np.concatenate([label, np.zeros(30, np.int64)]))
    method = TriggerPhrase()
    assert not method.score(rows, learn(method, [rows])).any()


def test_is_blind_to_clean_label_poison():
    rng = np.random.default_rng(6)
    text, label = texts(rng)
    for i in np.flatnonzero(label == 0)[:40]:
        text[i] = at_random(text[i], ["cfq"], rng)
    rows = batch(text, label)
    method = TriggerPhrase()
    assert not method.score(rows, learn(method, [rows])).any()


def test_rows_without_labels_are_neither_learnt_from_nor_accused():
    rows, touched = poisoned(INSERTS["a rare word"])
    label = rows["label"].copy()
    label[touched[:10]] = -1
    rows = rows.having(label=label)
    method = TriggerPhrase()
    scores = method.score(rows, learn(method, [rows]))
    assert np.flatnonzero(scores > 4).tolist() == sorted(touched[10:])


def test_a_sample_within_the_budget_still_accuses_every_row():
    rows, touched = poisoned(INSERTS["a rare word"], count=120)
    method = TriggerPhrase(budget=8000)
    scores = method.score(rows, learn(method, [rows.take(range(i, N, 7)) for i in range(7)]))
    assert np.isin(touched, np.flatnonzero(scores > 4)).mean() > 0.9
