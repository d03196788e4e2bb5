"""Labels that a model trained on other rows, and the row's neighbours, both speak against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Array, Batch, Floats, Ints
from foretaste.summaries.strata import Strata
from foretaste.summaries.vote import Electorate

_CAP = 300.0  # the largest surprise that is told apart
_FLOOR = 1e-6  # no model is surer than this
_CELLS = 40_000_000  # sampled predictions that are kept, in numbers
_SOFT = 0.05  # unmixed chances below about this are squeezed together, not cut off


class Noise(NamedTuple):
    """What is believed about how labels went wrong."""

    voters: Electorate
    joint: Floats  # (k, k) rows by given (first) and probable true (second) class
    flows: Floats  # (k, k) the part of them that flows one way only
    given: Floats  # (k, k) chance of the given (first) label where the second is true
    at: Floats  # (m,) log odds, ascending
    surprise: Floats  # (m,) what they mean


@dataclass(frozen=True)
class LabelNoise:
    """Suspects labels that contradict both the out-of-fold prediction and the neighbours.

    Confident learning counts how often a row labelled A is confidently B. Flows that are as
    strong in both directions are confusion or accidents; what flows one way only raises
    the suspicion of every row it may have touched. The score is -log10 of the share of honest
    rows expected to look as mislabelled as this, by the model's own posterior.

    Blind to flips of more than half of what a class looks like, to rows no class fits, and where
    the embedding does not tell the classes apart.

    Needs `embedding` (n, d), `prediction` (n, k), out of fold, and `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> truth = np.repeat([0, 1], 30)
    >>> said = np.where(np.arange(60) == 7, 1, truth)
    >>> rows = Batch(range(60), {"embedding": np.eye(2)[truth], "label": said,
    ...                          "prediction": 0.1 + 0.8 * np.eye(2)[truth]})
    >>> noise = LabelNoise()
    >>> int(noise.score(rows, noise.fit(noise.summarize(rows))).argmax())
    7

    References
    ----------
    Northcutt, Jiang, Chuang (2021). Confident Learning. arXiv:1911.00068
    """

    needs: ClassVar = ("embedding", "prediction", "label")
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.SURPRISE
    tolerance: ClassVar = 1e-3
    rows: int = 20_000
    voices: int = 20
    seed: int = 0

    def summarize(self, batch: Batch) -> Strata:
        size = min(self.rows, _CELLS // max(1, batch["prediction"].shape[1]))
        return Strata.of(batch, ("embedding", "prediction"), size, self.seed)

    def fit(self, summary: Strata) -> Noise:
        rows = summary.sorted()
        labels, k = rows["label"], rows["prediction"].shape[1]
        weight = summary.weights(labels)
        prior = (np.bincount(labels, weight, k) + 0.5) / (weight.sum() + 0.5 * k)
        voters = Electorate.of(summary, prior, self.voices)
        if not len(rows):
            nothing = np.zeros((k, k))
            return Noise(voters, nothing, nothing, np.eye(k), np.zeros(1), np.zeros(1))
        chances = _chances(rows, voters)
        joint = _confident_joint(chances, labels, weight)
        flows = _one_way(joint, len(rows) / weight.sum())
        given = _given(joint, flows)
        odds = _log_odds(chances, labels, given)
        return Noise(voters, joint, flows, given, *_null(odds, weight))

    def score(self, batch: Batch, model: Noise) -> Floats:
        scores = np.full(len(batch), np.nan)
        known = np.flatnonzero(_usable(batch, len(model.given)))
        if not len(known):
            return scores
        rows = batch.take(known)
        odds = _log_odds(_chances(rows, model.voters), rows["label"], model.given)
        beyond = np.maximum(odds - model.at[-1], 0) / np.log(10)
        scores[known] = np.interp(odds, model.at, model.surprise) + beyond
        return np.clip(scores, 0.0, _CAP)

    def explain(self, batch: Batch, row: int, model: Noise) -> str:
        one = batch.take([row])
        if not _usable(one, len(model.given))[0]:
            return "no label, or no prediction, to compare"
        chances, said = _chances(one, model.voters)[0], int(one["label"][0])
        true = int(np.argmax(chances))
        names = one.class_name(said), one.class_name(true)
        told = f"labelled {names[0]}; out of fold it reads as {names[1]} ({chances[true]:.2f})"
        flow = round(float(model.flows[said, true]))
        if flow:
            told += f"; part of a one-way flow {names[1]} -> {names[0]} of about {flow} rows"
        return told


def _usable(batch: Batch, k: int) -> Array:
    labels = batch["label"]
    known: Array = (labels >= 0) & (labels < k) & np.isfinite(batch["prediction"]).all(axis=1)
    return known


def _chances(rows: Batch, voters: Electorate) -> Floats:
    """(n, k) geometric mean of what the model and what the neighbours say."""
    told = np.log(np.maximum(rows["prediction"], _FLOOR))
    voted = np.log(np.maximum(voters.chances(rows["embedding"], rows.keys), _FLOOR))
    mean = np.exp(0.5 * (told + voted))
    return mean / mean.sum(axis=1, keepdims=True)


def _confident_joint(chances: Floats, labels: Ints, weight: Floats) -> Floats:
    """(k, k) rows of each given label that are confidently (as rows of that class) another."""
    k, rows = chances.shape[1], np.arange(len(labels))
    own = np.bincount(labels, weight * chances[rows, labels], k)
    threshold = own / np.maximum(np.bincount(labels, weight, k), 1e-9)
    best = chances.argmax(axis=1)
    sure = chances[rows, best] >= threshold[best]
    joint = np.eye(k)
    np.add.at(joint, (labels[sure], best[sure]), weight[sure])
    total = np.bincount(labels, weight, k)
    return joint / joint.sum(axis=1, keepdims=True) * np.maximum(total, 1e-9)[:, None]


def _one_way(joint: Floats, sampled: float) -> Floats:
    """(k, k) what flows from true (second) to given (first) beyond what flows back.

    Confusion of two classes goes both ways, in numbers or in rates; a flow must beat both,
    twofold and by four standard deviations of the sampled counts.
    """
    true = np.maximum(joint.sum(axis=0), 1e-9)
    back = np.maximum(joint.T, (joint / true).T * true)
    excess = joint - back
    doubt = 4 * np.sqrt((joint + back) * sampled + 1) / sampled
    flows = np.where((excess > doubt) & (joint > 2 * back), excess, 0.0)
    np.fill_diagonal(flows, 0.0)
    return flows


def _given(joint: Floats, flows: Floats) -> Floats:
    """(k, k) chance of each given label (first) by true label: accidents, equal for all, and flows.

    Taking the whole joint instead would blame classes that are merely alike.
    """
    k, true = len(joint), np.maximum(joint.sum(axis=0), 1.0)
    others = (joint / true)[~np.eye(k, dtype=bool)]
    accident = max(float(np.median(others)) if k > 2 else float(others.min(initial=1)), 0.02 / k)
    wrong = np.minimum(accident, 0.4 / k) + flows / true
    np.fill_diagonal(wrong, 0.0)
    wrong /= np.maximum(1.0, wrong.sum(axis=0) / 0.7)
    return wrong + np.diag(1 - wrong.sum(axis=0))


def _log_odds(chances: Floats, labels: Ints, given: Floats) -> Floats:
    """(n,) log odds that the label is wrong, the model's chances first freed of the noise."""
    unmixed = np.clip(chances @ np.linalg.pinv(given).T / _SOFT, -30, 30)
    true = np.log1p(np.exp(unmixed))
    true /= true.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    right = given[labels, labels] * true[rows, labels]
    wrong = (true * given[labels]).sum(axis=1) - right
    return np.log(np.maximum(wrong, 1e-30)) - np.log(np.maximum(right, 1e-30))


def _null(odds: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Log odds, ascending, and -log10 of the share of honest rows that have so much or more."""
    order = np.argsort(odds)
    at = odds[order]
    honest = weight[order] / (1 + np.exp(np.clip(at, -700, 700)))
    share = np.cumsum(honest[::-1])[::-1] / honest.sum()
    return at, -np.log10(np.maximum(share, 1e-300))
