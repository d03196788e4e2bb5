"""ABL: poison is learned first (Li et al. 2021, arXiv:2110.11571).

A network is trained whose losses are pushed back above 0.5 (local gradient ascent); the 1 % of
rows with the lowest loss after that is flagged.
"""

from __future__ import annotations

import numpy as np

from candidates.network import fresh, train

FLOOR, ISOLATED, EPOCHS = 0.5, 0.01, 6
needs_own_training = True


def judge(seen):
    net = fresh(seen.pixels.shape[1:], seen.classes, seed=1)
    losses = train(net, seen.pixels, seen.labels, EPOCHS, objective=held_up)
    score = -losses[:, -2:].mean(axis=1)
    return score, score > np.quantile(score, 1 - ISOLATED)


def held_up(losses):
    return ((losses - FLOOR).sign() * losses).mean()
