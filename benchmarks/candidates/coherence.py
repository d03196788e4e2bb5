"""Gradient coherence: a class whose rows pull two ways (after Hong et al. 2020, arXiv:2002.11497).

The loss gradient of the last hidden layer, (p - y) W scaled to length one; the score is the share
of it along the direction that the class shares least with its own mean. No threshold is published;
flagged are rows pulling against the mean of their class (a cosine below zero).
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from candidates.agpd import unit


def judge(seen):
    weights = seen.net["out"].weight.detach().numpy()
    pull = softmax(seen.logits / 4, axis=1)  # tempered: rows learned by heart have none else
    pull[np.arange(len(pull)), seen.labels] -= 1
    gradients = unit(np.einsum("nk,kd->nd", pull, weights) * (seen.embedding > 0))
    score = np.zeros(len(pull))
    for k in range(seen.classes):
        rows = seen.labels == k
        if rows.any():
            score[rows] = -gradients[rows] @ unit(gradients[rows].mean(axis=0))
    return score, score > 0
