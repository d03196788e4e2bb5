"""Sources that contradict content."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.detectors.source_skew import SourceSkew
from foretaste.testing import learn

K = 3


def rows(n=6000, sources=30, seed=0):
    """Labels drawn as the predictions say; one source's content is much harder than others'."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, sources, n)
    clear = np.where(source == 2, 0.3, 4.0)[:, None]
    logits = rng.standard_normal((n, K)) + clear * np.eye(K)[rng.integers(0, K, n)]
    prediction = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (rng.random(n)[:, None] > prediction.cumsum(axis=1)).sum(axis=1)
    return [f"s{k}" for k in source], label, prediction


def scored(source, label, prediction):
    index = np.arange(len(label))
    columns = {"source": source, "label": label, "prediction": prediction}
    batch = Batch([str(i) for i in index], columns, classes=("ham", "spam", "other"))
    model = learn(SourceSkew(), [batch.take(index % 3 == part) for part in range(3)])
    return SourceSkew().score(batch, model), lambda row: SourceSkew().explain(batch, row, model)


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_it_catches_a_source_that_flips_one_class_into_another(share):
    source, label, prediction = rows()
    rng = np.random.default_rng(1)
    flipped = (np.array(source) == "s7") & (prediction.argmax(1) == 0) & (rng.random(6000) < share)
    label[flipped] = 1
    scores, reason = scored(source, label, prediction)
    assert (scores[flipped] > 5).all()
    assert (scores[np.array(source) != "s7"] == 0).all()
    assert "rows spam whose content speaks for another class" in reason(np.flatnonzero(flipped)[0])
    assert reason(0) == "its source labels such content as others do"


def test_one_bad_source_of_five_does_not_set_the_standard():
    source, label, prediction = rows(sources=5)
    flipped = (np.array(source) == "s4") & (np.random.default_rng(1).random(6000) < 0.5)
    flipped &= prediction.max(axis=1) > 0.9
    label[flipped] = (label[flipped] + 1) % K
    scores, _ = scored(source, label, prediction)
    assert (scores[flipped] > 5).mean() > 0.95
    assert not (scores[np.array(source) != "s4"] > 2).any()


@pytest.mark.parametrize("seed", range(5))
def test_it_is_silent_where_labels_follow_content_though_some_content_is_hard(seed):
    assert not scored(*rows(seed=seed))[0].any()


def test_it_is_blind_to_a_flipper_spread_over_all_sources():
    source, label, prediction = rows()
    some = np.random.default_rng(1).random(6000) < 0.05
    label[some] = (label[some] + 1) % K
    assert not (scored(source, label, prediction)[0] > 2).any()


def test_missing_labels_sources_and_predictions_accuse_nobody():
    _, label, prediction = rows(100)
    label[:30], prediction[30:60] = -1, np.nan
    assert not scored([None] * 100, label, prediction)[0].any()
