"""Local density: poison lies sparser than its neighbours (Huang et al. 2025, arXiv:2502.01385).

Made for image–text embeddings at rates of 0.01 to 0.1 %: k is 32, the tenth of the rows with the
highest score is removed. `distance`: to the k-th neighbour. `slof`: the mean ratio of it to that of
the neighbours. `dao`: each ratio raised to the local intrinsic dimension at the neighbour
(Anderson et al. 2024, arXiv:2401.05453), as a mean of logarithms so that it stays finite.
"""

from __future__ import annotations

import numpy as np

NEIGHBOURS, REMOVED = 32, 0.1


def distance(near, who):
    return near[:, -1]


def slof(near, who):
    return (near[:, -1:] / near[who, -1]).mean(axis=1)


def dao(near, who):
    shrunk = np.log(np.maximum(near / near[:, -1:], 1e-4))
    dimension = -1 / np.minimum(shrunk[:, :-1].mean(axis=1), -1e-3)
    return (dimension[who] * np.log(near[:, -1:] / near[who, -1])).mean(axis=1)


def neighbours(vectors, k=NEIGHBOURS):
    """(n, k) distances to the nearest others, ascending, never nought, and who they are."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    norms = (vectors**2).sum(axis=1)
    near = np.zeros((len(vectors), k), np.float32)
    who = np.zeros((len(vectors), k), np.int64)
    for start in range(0, len(vectors), 1000):
        rows = np.arange(start, min(start + 1000, len(vectors)))
        away = norms[rows, None] + norms - 2 * (vectors[rows] @ vectors.T)
        away[np.arange(len(rows)), rows] = np.inf
        first = np.argpartition(away, k, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(away, first, axis=1), axis=1)
        who[rows] = np.take_along_axis(first, order, axis=1)
        near[rows] = np.take_along_axis(away, who[rows], axis=1)
    return np.sqrt(np.maximum(near, 1e-12)), who


def judged(vectors, density):
    score = density(*neighbours(vectors))
    return score, score > np.quantile(score, 1 - REMOVED)


def of_distance(seen):
    return judged(seen.embedding, distance)


def of_slof(seen):
    return judged(seen.embedding, slof)


def of_dao(seen):
    return judged(seen.embedding, dao)
