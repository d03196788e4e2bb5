"""Spectral signatures (Tran, Li, Madry 2018, arXiv:1811.00636).

The squared projection on the main axis of the class. It is told how many rows are poisoned and
flags 1.5 times as many in each class.
"""

from __future__ import annotations

import numpy as np

needs_count = True


def judge(seen):
    score, flagged = np.zeros(len(seen.labels)), np.zeros(len(seen.labels), bool)
    for k in range(seen.classes):
        rows = np.flatnonzero(seen.labels == k)
        centred = seen.embedding[rows] - seen.embedding[rows].mean(axis=0)
        axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        score[rows] = (centred @ axis) ** 2
        most = min(round(1.5 * max(seen.truth.sum(), 1)), len(rows) // 2)
        flagged[rows[np.argsort(-score[rows])[:most]]] = True
    return score, flagged
