"""Small dense clusters inside a class, in an embedding that was learned from the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from sklearn.cluster import HDBSCAN

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints
from foretaste.summaries.strata import Strata

FEWEST = 60  # sampled rows of a class below which nobody looks for clusters
LARGEST = 0.42  # of its class: what is half of a class is as much the class as the other half
GROUPS = 1 << 16  # more than a class has clusters
DENSITY = 3  # neighbours by which density is measured: poison of a hundred rows has few


class Clusters(NamedTuple):
    """The sampled rows of a class, and which cluster each is of."""

    middle: Floats  # (d,)
    axes: Floats  # (d, a) that the class varies most along
    tree: cKDTree  # of the sampled rows, along those axes
    group: Ints  # (rows,) of each sampled row, -1 for none
    reach: Floats  # (clusters,) how far apart neighbours in a cluster are
    score: Floats  # (clusters,) how much denser than its class


@dataclass(frozen=True)
class Cube:
    """Suspects small clusters of a class that are denser than the class around them.

    The class is looked at along its main axes and clustered by density (HDBSCAN, the finest
    clusters of its tree). The score of a row in a cluster is the base-2 logarithm of how much
    closer its neighbours are than those of the class at large. Natural topics are such clusters
    too: it proposes, the override test decides.

    Differs from the paper: its axes are those of UMAP, its suspects all clusters but the largest.

    Blind to poison that is spread over its class, to fewer than `least` rows, and, with an
    embedding that was not learned from the labels, to everything but topics.

    Needs `embedding` (n, d) and `label` (n,) of class codes; a row without a label scores 0.

    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((200, 2))
    >>> vectors[:20] = 6 + 0.1 * vectors[:20]
    >>> rows = Batch(range(200), {"embedding": vectors, "label": [0] * 200})
    >>> cube = Cube()
    >>> groups = cube.propose(rows, cube.fit(cube.summarize(rows)))
    >>> bool((groups[:20] == groups[0]).all() and groups[0] >= 0)
    True

    References
    ----------
    Cui et al. (2022). A Unified Evaluation of Textual Backdoor Learning: Frameworks and
    Benchmarks. arXiv:2206.08514
    Campello, Moulavi, Sander (2013). Density-Based Clustering Based on Hierarchical Density
    Estimates. doi:10.1007/978-3-642-37456-2_14
    """

    sample: int = 10_000  # rows that are clustered
    axes: int = 10
    least: int = 16  # sampled rows of a cluster; fewer break one attack into many small clusters
    seed: int = 0

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.STRUCTURE
    scale: ClassVar = Scale.RAW

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.sample, self.seed)

    def fit(self, summary: Strata) -> Mapping[int, Clusters]:
        rows = summary.sorted()
        usable = np.isfinite(rows["embedding"]).all(axis=1)
        vectors, labels = rows["embedding"][usable].astype(np.float64), rows["label"][usable]
        classes = np.unique(labels).tolist()
        return {label: self._clustered(vectors[labels == label]) for label in classes}

    def score(self, batch: Batch, model: Mapping[int, Clusters]) -> Floats:
        scores = np.zeros(len(batch))
        for label, clusters in model.items():
            rows, group = _placed(batch, label, clusters)
            scores[rows] = np.where(group < 0, 0.0, np.append(clusters.score, 0.0)[group])
        unknown = ~np.isin(batch["label"], [UNLABELLED, *model])
        return np.where(unknown, np.nan, scores)

    def propose(self, batch: Batch, model: Mapping[int, Clusters]) -> Ints:
        groups = np.full(len(batch), -1, np.int64)
        for label, clusters in model.items():
            rows, group = _placed(batch, label, clusters)
            groups[rows] = np.where(group < 0, -1, label * GROUPS + group)
        return groups

    def explain(self, batch: Batch, row: int, model: Mapping[int, Clusters]) -> str:
        [score] = self.score(batch.take([row]), model)
        name = batch.class_name(int(batch["label"][row]))
        if not score > 0:
            return f"in no small cluster of class {name}"
        return f"in a small cluster of class {name}, {2**score:.1f} times denser than the class"

    def _clustered(self, vectors: Floats) -> Clusters:
        middle = vectors.mean(axis=0)
        axes = np.linalg.svd(vectors - middle, full_matrices=False)[2][: self.axes].T
        places = (vectors - middle) @ axes
        group = np.full(len(vectors), -1, np.int64)
        if len(vectors) >= FEWEST:
            found = HDBSCAN(self.least, DENSITY, cluster_selection_method="leaf", copy=True)
            group = found.fit_predict(places).astype(np.int64)
        sizes = np.bincount(group[group >= 0], minlength=1)
        large = np.flatnonzero(sizes > LARGEST * len(vectors))
        group[np.isin(group, large)] = -1
        tree = cKDTree(places)
        reach, score = _density(places, tree, group, len(sizes))
        return Clusters(middle, axes, tree, group, reach, score)


def _density(places: Floats, tree: cKDTree, group: Ints, clusters: int) -> tuple[Floats, Floats]:
    near = tree.query(places, k=min(DENSITY + 1, len(places)))[0].reshape(len(places), -1)[:, -1]
    usual = float(np.median(near))
    reach, score = np.zeros(clusters), np.zeros(clusters)
    for one in np.unique(group[group >= 0]):
        inside = near[group == one]
        reach[one] = inside.max()
        score[one] = np.log2(max(usual, 1e-9) / max(float(np.median(inside)), 1e-9))
    return reach, np.clip(score, 0.01, 30.0)


def _placed(batch: Batch, label: int, clusters: Clusters) -> tuple[Ints, Ints]:
    """The rows of a class, and the cluster of the sampled row that each is nearest to, or -1."""
    rows = np.flatnonzero(batch["label"] == label)
    vectors: Array = batch["embedding"][rows].astype(np.float64)
    known = np.isfinite(vectors).all(axis=1)
    group = np.full(len(rows), -1, np.int64)
    if known.any():
        far, at = clusters.tree.query((vectors[known] - clusters.middle) @ clusters.axes)
        near = clusters.group[at]
        group[known] = np.where(far <= np.append(clusters.reach, -1.0)[near], near, -1)
    return rows, group
