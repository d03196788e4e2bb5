"""STRIP: a trigger survives when other images are laid over it (Gao et al. 2019, arXiv:1902.06531).

Entropy over classes of the prediction, mean over trusted images added to the row (16 here, 100 in
the paper); low is suspicious. The threshold is the 1 % quantile of a normal fitted to trusted rows.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr, softmax
from scipy.stats import norm

from candidates.network import logits_of

OVERLAYS, REJECTED = 16, 0.01
needs_clean = True


def judge(seen):
    laid = seen.clean.pixels[:: max(1, len(seen.clean.pixels) // OVERLAYS)][:OVERLAYS]
    usual = entropy(seen.net, seen.clean.pixels, laid)
    found = entropy(seen.net, seen.pixels, laid)
    return -found, found < norm.ppf(REJECTED, usual.mean(), usual.std())


def entropy(net, pixels, laid):
    total = np.zeros(len(pixels))
    for one in laid:
        both = np.minimum(pixels.astype(np.int16) + one, 255).astype(np.uint8)
        total += entr(softmax(logits_of(net, both), axis=1)).sum(axis=1)
    return total / len(laid)
