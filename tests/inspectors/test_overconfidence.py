"""Models that are surer than they are right."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.inspectors.overconfidence import Overconfidence, errors_by_chance
from foretaste.trained import Severity, Subject


class Said:
    """A model that gives the probabilities it was told to."""

    def __init__(self, chances):
        self.chances = chances

    def predict(self, rows):
        return self.chances[np.asarray(rows["index"])]


def calibrated(n, k, rng):
    """Probabilities, and labels that are drawn from them."""
    logits = 2.5 * rng.standard_normal((n, k)) + np.linspace(0, 3, k)  # classes are unequal
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (chances.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return chances, label


def inspected(chances, label, names=(), **settings):
    rows = Batch(range(len(label)), {"label": label, "index": np.arange(len(label))}, names)
    return Overconfidence(**settings).inspect(Subject(victim=Said(chances), rows=rows))


def test_a_class_that_swallows_rows_of_another_is_named():
    rng = np.random.default_rng(0)
    chances, label = calibrated(3_000, 3, rng)
    taken = np.flatnonzero(label == 2)[:120]  # as if a trigger were on them
    chances[taken] = [0.98, 0.01, 0.01]  # and answered "ham"
    found = inspected(chances, label, ["ham", "spam", "news"])
    assert {one.part for one in found} >= {'answers "ham"', 'answers "ham" with at least 90%'}
    assert all(one.severity is Severity.WARNING for one in found)
    assert all(one.p_value < 1e-3 < one.score for one in found)


def test_a_calibrated_model_is_hardly_ever_suspected():
    runs = [calibrated(500, 4, np.random.default_rng(seed)) for seed in range(300)]
    alarms = [bool(inspected(*run, level=0.05, least=0.0)) for run in runs]
    assert np.mean(alarms) <= 0.05


def test_it_is_blind_to_rows_the_model_learned_by_heart():
    label = np.arange(200) % 2
    assert inspected(0.02 + 0.96 * np.eye(2)[label], label) == ()


def test_a_model_that_is_not_sure_enough_is_no_finding():
    label = np.arange(200) % 2
    assert inspected(0.45 + 0.1 * np.eye(2)[label], label) == ()


def test_a_source_that_the_model_is_wrong_about_is_named():
    rng = np.random.default_rng(0)
    chances, label = calibrated(2_000, 3, rng)
    source = np.where(np.arange(2_000) < 60, "mallory", "alice")
    label = np.where(source == "mallory", (chances.argmax(axis=1) + 1) % 3, label)
    columns = {"label": label, "index": np.arange(2_000), "source": source.tolist()}
    rows = Batch(range(2_000), columns)
    found = Overconfidence().inspect(Subject(victim=Said(chances), rows=rows))
    assert found[0].part == 'rows from "mallory"'


@pytest.mark.parametrize("rows", [0, 5])
def test_too_few_rows_are_no_ground_for_suspicion(rows):
    assert inspected(np.tile([0.99, 0.01], (rows, 1)), np.ones(rows, int)) == ()


def test_the_bound_on_errors_holds_for_unequal_probabilities():
    rng = np.random.default_rng(1)
    stated = rng.uniform(0.5, 1.0, 60)
    p_values = [errors_by_chance(stated, rng.random(60) < stated) for _ in range(2_000)]
    for level in (0.1, 0.01):
        assert np.mean(np.array(p_values) <= level) <= level
