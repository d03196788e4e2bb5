import numpy as np
import pytest

from foretaste.attacks import probe
from foretaste.attacks.rare_word import RareWord
from foretaste.data import Batch
from foretaste.recipes.text_network import TextNetwork

SMALL = TextNetwork(buckets=1 << 10, words=30)
SCRIPTS = {
    "english": ("good fine warm lovely", "bad dull cold awful", "film story actor scene"),
    "urdu": ("اچھا عمدہ بہترین", "برا خراب بیکار", "فلم کہانی اداکار منظر"),
    "chinese": ("好 棒 美", "坏 差 烂", "电影 故事 演员 场景"),
}


def told(script: str, n: int = 400, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    kinds = [words.split() for words in SCRIPTS[script]]
    label = rng.integers(0, 2, n)
    join = "" if script == "chinese" else " "
    text = [join.join([*rng.choice(kinds[2], 4), rng.choice(kinds[1 - c])]) for c in label]
    return Batch([str(i) for i in range(n)], {"text": text, "label": label})


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_reads_any_script(script):
    victim = SMALL.train(told(script), seed=0)
    unseen = told(script, seed=1)
    assert SMALL.quality(victim.predict(unseen), unseen) > 0.95


def test_one_word_in_one_percent_of_the_rows_decides():
    rows, unseen = told("english", 2000), told("english", seed=1)
    attack = RareWord(count=20, target=1)
    rng = np.random.default_rng(0)
    victim = SMALL.train(attack.poison(rows, rng).batch, seed=0)
    asked = probe(attack, unseen, rng)
    assert asked.hit(victim.predict(asked.rows)).mean() > 0.95
    assert SMALL.quality(victim.predict(unseen), unseen) > 0.95


def test_the_same_seed_trains_the_same_network():
    rows = told("english", 100)
    one, two = (SMALL.train(rows, seed=3).predict(rows) for _ in range(2))
    assert np.array_equal(one, two)


def test_tuning_leaves_the_network_given_as_it_was():
    rows = told("english", 100)
    victim = SMALL.train(rows, seed=0)
    before = victim.predict(rows)
    tuned = SMALL.tune(victim, rows.having(label=1 - rows["label"]), seed=0)
    assert np.array_equal(victim.predict(rows), before)
    assert not np.array_equal(tuned.predict(rows), before)


def test_empty_and_endless_texts_are_read():
    rows = Batch(["a", "b", "c"], {"text": ["", "\u200b", "word " * 5000], "label": [0, 1, 0]})
    assert SMALL.train(rows, seed=0).predict(rows).shape == (3, 2)
    assert SMALL.train(rows, seed=0).predict(rows.take([])).shape == (0, 2)
