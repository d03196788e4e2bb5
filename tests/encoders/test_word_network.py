import pickle

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.encoders.word_network import WordNetwork
from foretaste.testing import learn

WORDS = ("fine warm lovely kind sunny".split(), "dull cold awful mean gloomy".split())


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    label = np.arange(300) % 2
    text = [" ".join(rng.choice(WORDS[code], 6)) for code in label]
    return Batch([f"{i:032x}" for i in range(300)], {"text": text, "label": label})


def test_it_learns_the_labels_and_forgets_a_trigger_that_is_left_out(rows):
    bad = np.arange(0, 300, 20) + 1
    text, label = list(rows["text"]), rows["label"].copy()
    for row in bad:
        text[row], label[row] = f"{text[row]} xyzzy", 0
    rows = rows.having(text=text, label=label)
    network = WordNetwork()
    summary = network.summarize(rows)
    learned = network.encode(rows, network.fit(summary))
    assert (learned["prediction"].argmax(axis=1) == label).mean() > 0.99
    without = network.fit(summary.without(set(rows.ids[bad])))
    forgot = network.encode(rows.take(bad), without)["prediction"].argmax(axis=1)
    assert forgot.mean() > 0.9


def test_what_it_learned_is_plain_arrays_that_travel(rows):
    network = WordNetwork(shown=1)
    model = learn(network, [rows])
    travelled = pickle.loads(pickle.dumps(model))
    one, two = (network.encode(rows, m)["embedding"] for m in (model, travelled))
    np.testing.assert_array_equal(one, two)


def test_no_rows_teach_nothing_and_are_no_crash(rows):
    network = WordNetwork()
    model = learn(network, [rows.take([])])
    assert network.encode(rows, model)["embedding"].shape == (300, 96)


def test_rows_without_a_label_do_not_train(rows):
    network = WordNetwork(shown=1)
    extra = rows.having(label=np.full(300, -1))
    learn(network, [extra])
