"""Poison and clean rows of one class are two clusters; see whether there are two at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Batch, Floats, Ints
from foretaste.summaries.moments import Moments
from foretaste.summaries.splits import GROUPS, Split, splits_of
from foretaste.summaries.strata import Strata
from foretaste.summaries.whitening import main_axes, pooled_whitening

FEWEST = 40  # sampled rows of a class below which nobody looks for clusters
LARGEST = 0.42  # of its class: what is half of a class is as much the class as the other half


@dataclass(frozen=True)
class ActivationClustering:
    """Suspects the smaller of two clusters of a class, where there are two.

    The class is looked at along the axes that stand out once it is whitened by the pooled
    within-class covariance; each axis, and 2-means over all of them, proposes a split. Two
    clusters exist only if the density dips between them: whatever has one mode, however heavy
    its tails, is at least as dense between as at the lower of two middles, so the counts are
    compared by an exact binomial test. The score of a row of the smaller cluster is -log10 of
    that p-value, times the number of splits tried.

    Blind to poison without a gap to its class, and to poison that is two fifths of its class or
    more.

    Needs `embedding` (n, d) and `label` (n,) of class codes; a row without a label scores 0.

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((200, 2))
    >>> vectors[:60] += 12
    >>> rows = Batch(range(200), {"embedding": vectors, "label": [0] * 200})
    >>> clusters = ActivationClustering()
    >>> scores = clusters.score(rows, clusters.fit(clusters.summarize(rows)))
    >>> np.flatnonzero(scores > 3).tolist() == list(range(60))
    True

    References
    ----------
    Chen et al. (2018). Detecting Backdoor Attacks on Deep Neural Networks by Activation
    Clustering. arXiv:1811.03728
    Hartigan, Hartigan (1985). The dip test of unimodality. doi:10.1214/aos/1176346577
    """

    sample: int = 40_000  # rows that are clustered
    axes: int = 8
    proposed: float = 3.0  # the score from which a cluster is put to the override test
    seed: int = 0

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.STRUCTURE
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.sample, self.seed)

    def fit(self, summary: Strata) -> Mapping[int, tuple[Split, ...]]:
        rows = summary.sorted()
        usable = np.isfinite(rows["embedding"]).all(axis=1)
        vectors, labels = rows["embedding"][usable], rows["label"][usable]
        if not len(vectors):
            return {}
        moments = Moments.of(vectors, labels)
        whitening = pooled_whitening(moments)
        tried = (self.axes + 1) * len(moments.by_class)
        found = {}
        for label, moment in moments.by_class.items():
            seen = whitening @ main_axes(moment.scatter / moment.n, self.axes, whitening)
            enough, mine = moment.n >= FEWEST, vectors[labels == label]
            found[label] = splits_of(mine, seen, tried, LARGEST) if enough else ()
        return found

    def score(self, batch: Batch, model: Mapping[int, tuple[Split, ...]]) -> Floats:
        scores, _ = _placed(batch, model)
        unknown = ~np.isin(batch["label"], [UNLABELLED, *model])
        return np.where(unknown, np.nan, scores)

    def propose(self, batch: Batch, model: Mapping[int, tuple[Split, ...]]) -> Ints:
        scores, groups = _placed(batch, model)
        return np.where(scores >= self.proposed, groups, -1)

    def explain(self, batch: Batch, row: int, model: Mapping[int, tuple[Split, ...]]) -> str:
        [score], [group] = _placed(batch.take([row]), model)
        name = batch.class_name(int(batch["label"][row]))
        if group < 0:
            return f"in the main cluster of class {name}"
        return f"in a small second cluster of class {name} (score {score:.1f})"


def _placed(batch: Batch, model: Mapping[int, tuple[Split, ...]]) -> tuple[Floats, Ints]:
    """(n,) the surprise of the cluster each row lies in, and its number; 0 and -1 for none."""
    scores, groups = np.zeros(len(batch)), np.full(len(batch), -1, np.int64)
    labels, vectors = batch["label"], batch["embedding"]
    for label, splits in model.items():
        rows = np.flatnonzero(labels == label)
        for number, split in enumerate(splits):
            beyond = vectors[rows] @ split.direction > split.plane
            fresh = rows[beyond & (groups[rows] < 0)]
            scores[fresh], groups[fresh] = split.surprise, label * GROUPS + number
    return scores, groups
