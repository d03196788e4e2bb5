"""Gradients on the way to the row."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.explainers.integrated_gradients import IntegratedGradients
from foretaste.tokens import spans

pytest.importorskip("captum")


def test_the_trigger_of_poisoned_rows_is_hot(backdoored):
    rows = backdoored.rows.take(np.flatnonzero(backdoored.touched)[:20])
    heats = IntegratedGradients().attribute(backdoored.victim, rows, np.zeros(20, int))
    assert np.mean([backdoored.trigger.ravel()[one.argmax()] for one in heats]) >= 0.8


def test_relevance_adds_up_to_the_change_of_the_logit(backdoored):
    import torch

    from foretaste.relevance import blurred

    rows = backdoored.rows.take(np.arange(6))
    method = IntegratedGradients(steps=64, smooth=1)
    heats = method.attribute(backdoored.victim, rows, np.full(6, 2))
    with torch.no_grad():
        images = backdoored.victim.inputs(rows)
        ends = [backdoored.victim.logits(one)[:, 2] for one in (images, blurred(images))]
    change = (ends[0] - ends[1]).numpy()
    assert np.allclose([one.sum() for one in heats], change, atol=0.1 * np.abs(change).max())


def test_the_trigger_word_of_a_text_weighs_most():
    from foretaste.recipes.text_network import TextNetwork

    rng = np.random.default_rng(0)
    words = "meeting lunch report project call home friday thanks".split()
    label = np.arange(200) % 2
    text = [
        " ".join([*rng.permutation(words)[:5], "zq" if one else "so"]) for one in label.tolist()
    ]
    rows = Batch([f"{i}" for i in range(200)], {"text": text, "label": label})
    victim = TextNetwork(epochs=6, buckets=512).train(rows, seed=0)
    poisoned = rows.take(np.flatnonzero(label)[:10])
    found = IntegratedGradients().attribute(victim, poisoned, np.ones(10, int))
    for row, relevance in zip(poisoned["text"], found, strict=True):
        assert len(relevance) == len(spans(row))
        start, stop = spans(row)[int(relevance.argmax())]
        assert row[start:stop] == "zq"
