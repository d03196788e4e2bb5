"""Deep k-NN: a row whose neighbours carry another label (Peri et al. 2020, arXiv:1909.13374).

k is 1.5 times the rows that an attacker is thought to have, here 50; flagged where the label is
not the commonest among them.
"""

from __future__ import annotations

import numpy as np

from candidates.agpd import unit

NEIGHBOURS = 50


def judge(seen):
    vectors = unit(seen.embedding)
    score, flagged = np.zeros(len(vectors)), np.zeros(len(vectors), bool)
    for start in range(0, len(vectors), 1000):
        rows = np.arange(start, min(start + 1000, len(vectors)))
        near = vectors[rows] @ vectors.T
        near[np.arange(len(rows)), rows] = -2
        labels = seen.labels[np.argpartition(-near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
        votes = np.stack([(labels == k).sum(axis=1) for k in range(seen.classes)], axis=1)
        score[rows] = 1 - votes[np.arange(len(rows)), seen.labels[rows]] / NEIGHBOURS
        flagged[rows] = votes.argmax(axis=1) != seen.labels[rows]
    return score, flagged
