"""Parts taken out, and the model asked again."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.explainers.occlusion import Occlusion


class Counting:
    """Sure of class 1 by how often `cf` stands in the text; counts what it is asked."""

    asked = 0

    def predict(self, rows):
        self.asked += len(rows)
        odds = np.array([4.0 * str(text).split().count("cf") - 2 for text in rows["text"]])
        chance = 1 / (1 + np.exp(-odds))
        return np.column_stack([1 - chance, chance])


def texts(*given):
    return Batch([f"{i}" for i in range(len(given))], {"text": list(given)})


def test_the_word_that_decides_has_all_the_relevance():
    [found] = Occlusion().attribute(Counting(), texts("a fine cf film"), np.array([1]))
    assert found.round(6).tolist() == [0, 0, 4, 0]


def test_for_the_other_class_it_speaks_against():
    [found] = Occlusion().attribute(Counting(), texts("a cf"), np.array([0]))
    assert found[1] < 0


def test_a_long_text_costs_no_more_than_its_parts():
    model = Counting()
    [found] = Occlusion(most=10).attribute(model, texts("word " * 500 + "cf"), np.array([1]))
    assert len(found) == 501
    assert found.argmax() >= 450
    assert model.asked == 11


def test_two_triggers_stand_in_for_each_other_where_one_is_enough():
    class Either(Counting):
        def predict(self, rows):
            hit = np.array(["cf" in text or "mn" in text for text in rows["text"]])
            return np.column_stack([~hit, hit]).astype(float)

    [found] = Occlusion().attribute(Either(), texts("cf and mn"), np.array([1]))
    assert found.tolist() == [0, 0, 0]


@pytest.mark.parametrize("text", ["", " ", "\u200b", "你好 cf", "Naïve, cf!", "\ud800 cf"])
def test_odd_texts_are_no_crash(text):
    from foretaste.tokens import spans

    if "\ud800" in text:
        assert spans(text)
        return
    [found] = Occlusion().attribute(Counting(), texts(text), np.array([1]))
    assert len(found) == len(spans(text))


def test_the_trigger_of_poisoned_pictures_is_hot(backdoored):
    rows = backdoored.rows.take(np.flatnonzero(backdoored.touched)[:10])
    heats = Occlusion(side=3, step=1).attribute(backdoored.victim, rows, np.zeros(10, int))
    share = [np.maximum(h, 0)[backdoored.trigger].sum() / np.maximum(h, 0).sum() for h in heats]
    assert np.mean(share) > 3 * backdoored.trigger.mean()
    assert heats[0].shape == (12, 12)
