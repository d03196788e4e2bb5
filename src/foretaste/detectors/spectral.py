"""Backdoor rows pull their class along one direction; find that direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import log_ndtr

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints
from foretaste.summaries.moments import Moments
from foretaste.summaries.strata import Strata
from foretaste.summaries.whitening import main_axes, pooled_whitening

SIDES = 4  # two axes, two sides each
FEWEST = 12  # sampled rows that show what is usual in a class
HALF_NORMAL_MEDIAN = 0.6745


@dataclass(frozen=True)
class Seen:
    """The moments of every class, and a sample to see the tails in."""

    moments: Moments
    sample: Strata

    def merge(self, other: Seen) -> Seen:
        return Seen(self.moments.merge(other.moments), self.sample.merge(other.sample))


class Axes(NamedTuple):
    """The raw and the whitened main direction of one class, two sides each."""

    directions: Floats  # (d, 2)
    middle: Floats  # (2,) medians along them
    spread: Floats  # (4,) robust standard deviation of each side: - raw, - whitened, + raw, …


@dataclass(frozen=True)
class Spectral:
    """Suspects rows far out along a main direction of their class.

    Two directions are looked at: the main axis of the class, and the main axis once what all
    classes have in common is taken out (whitened by the pooled within-class covariance). Each
    side of each has its own spread, from the median and the median distance on that side, so
    that poison does not widen its own null. The score is -log10 of the normal p-value, times
    four for the four sides. Natural sub-clusters exceed it too: it proposes, the override test
    decides.

    Blind to poison that is a quarter of its class or more, or whose embedding stays inside it.

    Needs `embedding` (n, d) and `label` (n,) of class codes; a row without a label scores 0.

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((100, 2))
    >>> vectors[0] = 30
    >>> rows = Batch(range(100), {"embedding": vectors, "label": [0] * 100})
    >>> spectral = Spectral()
    >>> scores = spectral.score(rows, spectral.fit(spectral.summarize(rows)))
    >>> int(scores.argmax()), bool(scores[0] > 6), bool(np.median(scores) < 0.5)
    (0, True, True)

    References
    ----------
    Tran, Li, Madry (2018). Spectral Signatures in Backdoor Attacks. arXiv:1811.00636
    Hayase, Kong, Somani, Oh (2021). SPECTRE: Defending Against Backdoor Attacks Using Robust
    Statistics. arXiv:2104.11315
    """

    sample: int = 10_000  # rows that show the tails
    proposed: float = 2.5  # the score from which a row is put to the override test
    seed: int = 0

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.STRUCTURE
    scale: ClassVar = Scale.SURPRISE
    tolerance: ClassVar = 1e-3  # moments are rounded another way in other batches

    def summarize(self, batch: Batch) -> Seen:
        moments = Moments.of(batch["embedding"], batch["label"])
        return Seen(moments, Strata.of(batch, ("embedding",), self.sample, self.seed))

    def fit(self, summary: Seen) -> Mapping[int, Axes]:
        classes = {k: m for k, m in summary.moments.by_class.items() if k != UNLABELLED}
        if not classes:
            return {}
        whitening = pooled_whitening(Moments(classes))
        rows = summary.sample.sorted()
        vectors, labels = rows["embedding"], rows["label"]
        usable = np.isfinite(vectors).all(axis=1)
        return {
            label: _axes(moment.scatter / moment.n, whitening, vectors[usable & (labels == label)])
            for label, moment in classes.items()
        }

    def score(self, batch: Batch, model: Mapping[int, Axes]) -> Floats:
        best = _surprises(batch, model).max(axis=1)
        # a class never seen cannot be judged; a row without a class has none to stand out from
        unknown = ~np.isin(batch["label"], [UNLABELLED, *model])
        return np.where(unknown, np.nan, best)

    def propose(self, batch: Batch, model: Mapping[int, Axes]) -> Ints:
        surprises = _surprises(batch, model)
        groups = batch["label"] * SIDES + surprises.argmax(axis=1)
        return np.where(surprises.max(axis=1) >= self.proposed, groups, -1).astype(np.int64)

    def explain(self, batch: Batch, row: int, model: Mapping[int, Axes]) -> str:
        [surprises] = _surprises(batch.take([row]), model)
        which = "main axis" if surprises.argmax() % 2 == 0 else "whitened main axis"
        name = batch.class_name(int(batch["label"][row]))
        return f"far out along the {which} of class {name} (score {surprises.max():.1f})"


def _axes(covariance: Floats, whitening: Floats, vectors: Array) -> Axes:
    raw = main_axes(covariance, 1)
    white = whitening @ main_axes(covariance, 1, whitening)
    directions = np.hstack([raw, white])
    variance = np.einsum("da,de,ea->a", directions, covariance, directions)
    deviation = np.tile(np.sqrt(np.maximum(variance, 1e-18)), 2)
    if len(vectors) < FEWEST:
        return Axes(directions, np.zeros(2), np.full(SIDES, np.inf))
    along = vectors @ directions
    middle = np.median(along, axis=0)
    away = np.hstack([middle - along, along - middle])
    usual = np.array([np.median(side[side >= 0]) for side in away.T])
    return Axes(directions, middle, np.maximum(usual / HALF_NORMAL_MEDIAN, deviation / 20))


def _surprises(batch: Batch, model: Mapping[int, Axes]) -> Floats:
    """(n, 4) -log10 of the p-value on each side, times the number of sides; NaN vectors stay."""
    scores = np.zeros((len(batch), SIDES))
    labels, vectors = batch["label"], batch["embedding"]
    for label, axes in model.items():
        rows = np.flatnonzero(labels == label)
        away = vectors[rows] @ axes.directions - axes.middle
        tail = log_ndtr(-np.hstack([-away, away]) / axes.spread)
        scores[rows] = np.clip(-(tail / np.log(10) + np.log10(SIDES)), 0, 300)
    return scores
