"""Activation clustering (Chen et al. 2018, arXiv:1811.03728).

Ten independent components a class, 2-means; the smaller cluster is flagged where the silhouette
is above 0.15 (the paper: 0.10 to 0.15). The score is the silhouette of the class, counted for the
rows of the smaller cluster by how far they lie towards its middle.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.metrics import silhouette_score

SILHOUETTE = 0.15


def judge(seen):
    score, flagged = np.zeros(len(seen.labels)), np.zeros(len(seen.labels), bool)
    for k in range(seen.classes):
        rows = np.flatnonzero(seen.labels == k)
        if len(rows) < 20:
            continue
        with warnings.catch_warnings(action="ignore"):
            places = FastICA(10, max_iter=100, tol=1e-2, random_state=0).fit_transform(
                seen.embedding[rows]
            )
        two = KMeans(2, n_init=3, random_state=0).fit(places)
        small = int(np.bincount(two.labels_, minlength=2).argmin())
        shape = silhouette_score(places, two.labels_, sample_size=1000, random_state=0)
        gap = two.cluster_centers_[small] - two.cluster_centers_[1 - small]
        side = (places - two.cluster_centers_.mean(axis=0)) @ gap / (gap @ gap)
        score[rows] = shape * side
        flagged[rows] = (two.labels_ == small) & (shape > SILHOUETTE)
    return score, flagged
