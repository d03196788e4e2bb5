"""A poisoned group loses its label when left out; a natural one keeps it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from foretaste.data import Batch
from foretaste.override import Proposal, override
from foretaste.summaries.reservoir import Reservoir

N, TRIGGERED, MISLABELLED, CORNER = 1200, 60, 30, 60


@dataclass(frozen=True)
class Linear:
    """A quick encoder that gives predictions."""

    needs: ClassVar = ("embedding", "label")
    gives: ClassVar = ("prediction",)

    def summarize(self, batch):
        return Reservoir.of(batch, self.needs, 10_000)

    def fit(self, summary):
        rows = summary.sorted()
        return LogisticRegression(C=0.3, max_iter=500).fit(rows["embedding"], rows["label"])

    def encode(self, batch, model):
        return batch.having(prediction=model.predict_proba(batch["embedding"]))


@dataclass(frozen=True)
class Planted:
    batches: list
    triggered: np.ndarray
    mislabelled: np.ndarray
    corner: np.ndarray
    model: object
    summary: object

    def asked(self, *proposals):
        return override(self.batches, Linear(), self.summary, self.model, proposals)


@pytest.fixture(scope="module")
def planted():
    """Three classes; class 0 has triggered rows of class 1, wrong labels, a natural corner."""
    rng = np.random.default_rng(3)
    label = np.arange(N) % 3
    vectors = rng.standard_normal((N, 6)).astype(np.float32)
    vectors[np.arange(N), label] += 7
    ones, zeros = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    triggered, mislabelled = ones[:TRIGGERED], ones[TRIGGERED : TRIGGERED + MISLABELLED]
    corner = zeros[:CORNER]
    vectors[:, 4] = 0.0
    vectors[triggered, 4] = 8.0
    vectors[corner, 5] += 9
    label[triggered] = label[mislabelled] = 0
    rows = Batch(
        [f"r{i}" for i in range(N)], {"embedding": vectors, "label": label, "index": np.arange(N)}
    )
    batches = [rows.take(np.arange(i, min(i + 250, N))) for i in range(0, N, 250)]
    summary = Linear().summarize(rows)
    model = Linear().fit(summary)
    batches = [Linear().encode(batch, model) for batch in batches]
    return Planted(batches, triggered, mislabelled, corner, model, summary)


def test_rows_that_carry_a_trigger_are_an_attack(planted):
    [said] = planted.asked(Proposal("d", 0, "g", planted.triggered))
    assert said.verdict == "attack"
    assert said.p_value < 1e-6
    assert said.learned_label > 0.9
    assert said.kept_label < 0.1


def test_a_natural_corner_of_a_class_is_natural(planted):
    [said] = planted.asked(Proposal("d", 0, "g", planted.corner))
    assert said.verdict == "natural"
    assert said.kept_label > 0.9


def test_wrong_labels_that_were_never_learned_are_hygiene(planted):
    [said] = planted.asked(Proposal("d", 0, "g", planted.mislabelled))
    assert said.verdict == "hygiene"
    assert (said.members == planted.mislabelled).all()


def test_missed_members_join_and_bystanders_leave(planted):
    guess = np.union1d(planted.triggered[4:], planted.corner[:6])
    [said] = planted.asked(Proposal("d", 0, "g", guess))
    assert said.verdict == "attack"
    assert (said.doubt < 0.5).all()
    found = np.isin(planted.triggered, said.members).mean()
    assert found >= 0.95
    assert np.isin(said.members, planted.triggered).mean() >= 0.95


def test_each_group_is_judged_by_itself(planted):
    groups = planted.triggered, planted.corner, planted.mislabelled
    said = planted.asked(*[Proposal("d", 0, f"g{i}", rows) for i, rows in enumerate(groups)])
    assert [one.verdict for one in said] == ["attack", "natural", "hygiene"]


def test_most_of_a_class_is_never_left_out(planted):
    everything = np.concatenate([b["index"][b["label"] == 2] for b in planted.batches])
    [said] = planted.asked(Proposal("d", 2, "g", everything))
    assert said.verdict == "untested"


def test_no_proposals_need_no_training(planted):
    assert override(planted.batches, None, None, None, []) == ()


def test_a_large_natural_mode_is_not_accused_though_its_class_forgets_it():
    rng = np.random.default_rng(5)
    label = np.arange(N) % 5
    vectors = 0.5 * rng.standard_normal((N, 6)).astype(np.float32)
    vectors[np.arange(N), label] += 7
    mode = np.flatnonzero(label == 0)[:90]  # more than a third of class 0, much like class 1
    vectors[mode] = [4, 7, 0, 0, 0, 3] + 0.5 * rng.standard_normal((len(mode), 6))
    rows = Batch(
        [f"r{i}" for i in range(N)], {"embedding": vectors, "label": label, "index": np.arange(N)}
    )
    summary = Linear().summarize(rows)
    model = Linear().fit(summary)
    batches = [Linear().encode(rows, model)]
    [said] = override(batches, Linear(), summary, model, [Proposal("d", 0, "g", mode)])
    assert said.kept_label < 0.3
    assert said.verdict == "natural"
