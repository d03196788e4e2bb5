"""Relevance handed back layer by layer."""

import numpy as np
import pytest

from foretaste.errors import BadInput, MissingExtra
from foretaste.explainers.layerwise_relevance import LayerwiseRelevance
from foretaste.relevance import telling, without

pytest.importorskip("captum")


def shares(heats, where):
    return np.array([np.maximum(one, 0)[where].sum() / np.maximum(one, 0).sum() for one in heats])


def test_the_trigger_of_poisoned_rows_is_hot(backdoored):
    rows = backdoored.rows.take(np.flatnonzero(backdoored.touched)[:20])
    heats = LayerwiseRelevance().attribute(backdoored.victim, rows, np.zeros(20, int))
    assert shares(heats, backdoored.trigger).mean() > 4 * backdoored.trigger.mean()
    assert np.mean([backdoored.trigger.ravel()[one.argmax()] for one in heats]) >= 0.8


def test_without_what_speaks_most_the_content_speaks(backdoored):
    chosen = np.flatnonzero(backdoored.touched)[:20]
    rows = backdoored.rows.take(chosen)
    heats = LayerwiseRelevance().attribute(backdoored.victim, rows, np.zeros(20, int))
    bare = [without(p, telling(h)) for p, h in zip(rows["pixels"], heats, strict=True)]
    instead = backdoored.victim.probabilities(np.stack(bare)).argmax(axis=1)
    assert (instead == backdoored.truth[chosen]).mean() >= 0.7


def test_a_pattern_over_the_whole_picture_gives_no_spot_to_take_out(backdoored):
    rows = backdoored.rows.take(np.flatnonzero(backdoored.blended)[:20])
    heats = LayerwiseRelevance().attribute(backdoored.victim, rows, np.ones(20, int))
    bare = [without(p, telling(h)) for p, h in zip(rows["pixels"], heats, strict=True)]
    instead = backdoored.victim.probabilities(np.stack(bare)).argmax(axis=1)
    assert (instead == 1).mean() > 0.5


def test_clean_rows_have_no_more_heat_there_than_elsewhere(backdoored):
    clean = np.flatnonzero(backdoored.clean & (backdoored.rows["label"] == 0))[:20]
    rows = backdoored.rows.take(clean)
    heats = LayerwiseRelevance().attribute(backdoored.victim, rows, np.zeros(20, int))
    assert shares(heats, backdoored.trigger).mean() < 2 * backdoored.trigger.mean()


def test_relevance_adds_up_to_about_the_logit_where_nothing_is_taken_in(backdoored):
    import torch

    rows = backdoored.rows.take(np.arange(8))
    method = LayerwiseRelevance(epsilon=1e-6, gamma=0.0, smooth=1)
    heats = method.attribute(backdoored.victim, rows, np.ones(8, int))
    with torch.no_grad():
        logits = backdoored.victim.logits(backdoored.victim.inputs(rows))[:, 1].numpy()
    order = np.corrcoef([one.sum() for one in heats], logits)[0, 1]
    assert order > 0.5  # biases keep their part


def test_the_victim_is_left_as_it_was(backdoored):
    before = backdoored.victim.weights
    LayerwiseRelevance().attribute(backdoored.victim, backdoored.rows.take([0]), np.array([0]))
    after = backdoored.victim.weights
    assert all((before[name] == after[name]).all() for name in before)


def test_no_rows_are_no_crash(backdoored):
    assert LayerwiseRelevance().attribute(backdoored.victim, backdoored.rows.take([]), []) == []


def test_a_network_that_is_no_stack_is_refused(backdoored):
    import torch

    class Odd(torch.nn.Module):
        def forward(self, images):
            return images.flatten(1)

    net = torch.nn.ModuleDict({"body": Odd(), "head": torch.nn.Linear(144, 3)})
    victim = type(backdoored.victim)(net, 3, (12, 12, 1))
    with pytest.raises(BadInput, match="integrated_gradients"):
        LayerwiseRelevance().attribute(victim, backdoored.rows.take([0]), np.array([0]))


def test_without_its_package_it_says_what_to_install(backdoored, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    with pytest.raises(MissingExtra, match=r"foretaste\[explanations\]"):
        LayerwiseRelevance().attribute(backdoored.victim, backdoored.rows.take([0]), np.array([0]))
