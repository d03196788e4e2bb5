"""FLARE-like: abnormal values in every hidden layer (Hou et al. 2025, arXiv:2411.19479).

The paper takes one number a layer: the least log-likelihood of any activation under what batch
normalisation learned. Three layers give three numbers, so here it is the greatest departure of
each channel, up and down; their first ten main axes stand in for UMAP. All rows together are
clustered (HDBSCAN, at least 1 % of the rows); the largest cluster is clean, other clusters are
poison; noise is not flagged.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import HDBSCAN

AXES, SMALLEST = 10, 0.01


def judge(seen):
    values = np.hstack([standard(one) for one in seen.extremes])
    places = axes_of(values, AXES)
    found = HDBSCAN(min_cluster_size=max(10, round(SMALLEST * len(places))), copy=True)
    cluster = found.fit_predict(places)
    sizes = np.bincount(cluster[cluster >= 0], minlength=1)
    flagged = (cluster >= 0) & (cluster != sizes.argmax())
    home = np.median(places[cluster == sizes.argmax()], axis=0)
    away = np.linalg.norm(places - home, axis=1)
    return away + flagged * away.max(), flagged


def published(seen):
    """One number a layer, as the paper has it."""
    least = [one.max(axis=1, keepdims=True) for one in seen.extremes]
    places = standard(np.hstack(least))
    score = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    return score, np.zeros(len(score), bool)


def standard(values):
    middle = np.median(values, axis=0)
    return (values - middle) / (1.4826 * np.median(np.abs(values - middle), axis=0) + 1e-3)


def axes_of(values, count):
    values = np.clip(values, -20, 20) - values.mean(axis=0)
    return values @ np.linalg.eigh(values.T @ values)[1][:, -count:]
