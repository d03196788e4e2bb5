"""AGPD: directions of activation gradients (Yuan, Wei, Zhang, Liu, Wu 2025, arXiv:2312.06230).

For each class and convolution, the gradient of the label's logit is compared by cosine with its
mean over trusted rows of the class and with that of the row least like it; the root mean square
of the difference is the dispersion of the class. The layer with the oddest class is taken (MAD,
threshold e squared; else a dispersion above 0.3). Then rows near the odd one are taken out step by
step, 5 % of the range at a time, until the histogram of the rest settles.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import jensenshannon

from candidates.scan import robust

THRESHOLD, FALLBACK, STEP, WINDOW = np.exp(2), 0.3, 0.05, 10
needs_clean = True


def judge(seen):
    right = seen.clean.logits.argmax(axis=1) == seen.clean.labels
    layers = []
    for of_rows, of_clean in zip(seen.gradients, seen.clean.gradients, strict=True):
        known = {
            k: of_clean[right & (seen.clean.labels == k)].mean(axis=0)
            for k in np.unique(seen.clean.labels[right])
        }
        layers.append((unit(of_rows), known))
    return by_layers(layers, seen.labels, seen.classes)


def by_layers(layers, labels, classes):
    spread = np.zeros((len(layers), classes))
    for at, (gradients, known) in enumerate(layers):
        for k, home in known.items():
            of_class = gradients[labels == k]
            if len(of_class) > 1 and np.linalg.norm(home) > 0:
                spread[at, k] = dispersion(of_class, unit(home))
    odd = np.stack([robust(one) for one in spread])
    at = int(odd.max(axis=1).argmax())
    accused = odd[at] > THRESHOLD
    if not accused.any():
        accused = spread[at] > FALLBACK
    score, flagged = np.zeros(len(labels)), np.zeros(len(labels), bool)
    gradients, known = layers[at]
    for k, home in known.items():
        rows = np.flatnonzero(labels == k)
        if len(rows) > 2:
            order, taken = peeled(gradients[rows], unit(home))
            score[rows] = odd[at, k] + order
            flagged[rows[taken]] = accused[k]
    return score, flagged


def dispersion(gradients, home):
    near = gradients @ home
    return float(np.sqrt(np.mean((near - gradients @ gradients[near.argmin()]) ** 2)))


def peeled(gradients, home):
    """(m,) how early a row leaves, 1 the first; and which have left when the rest settles."""
    near = gradients @ home
    out = np.zeros(len(gradients), bool)
    out[near.argmin()] = True
    step_of = np.where(out, 0, -1)
    before, changes = shares(gradients, near, out), []
    while not out.all():
        share = shares(gradients, near, out)
        left = np.flatnonzero(~out)
        span = np.ptp(share)
        leaving = left[(share - share.min()) <= STEP * max(span, 1e-9)]
        step_of[leaving] = len(changes) + 1
        out[leaving] = True
        after = np.delete(share, np.searchsorted(left, leaving))
        changes.append(apart(before, after))
        before = after
    step_of[step_of < 0] = len(changes) + 1
    return 1 - step_of / (len(changes) + 2), step_of <= settled(changes)


def shares(gradients, near, out):
    """Of the rows still in: how far from the odd ones, as a share of both distances."""
    odd = 1 - gradients[~out] @ unit(gradients[out].mean(axis=0))
    return odd / np.maximum(odd + 1 - near[~out], 1e-9)


def apart(before, after):
    if not len(after):
        return 1.0
    bins = np.linspace(0, 1, 100)
    one, two = (np.histogram(each, bins)[0] + 1e-12 for each in (before, after))
    return float(jensenshannon(one, two))


def settled(changes):
    """The step from which ten in a row change least and most evenly."""
    if len(changes) < WINDOW:
        return len(changes) // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.array(changes), WINDOW)
    return int((windows.mean(axis=1) + 5 * windows.std(axis=1)).argmin())


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def untrusted(seen):
    """The same, told nothing: the class's own median direction stands for the trusted rows."""
    layers = []
    for of_rows in seen.gradients:
        directions = unit(of_rows)
        codes = np.unique(seen.labels)
        known = {k: np.median(directions[seen.labels == k], axis=0) for k in codes}
        layers.append((directions, known))
    return by_layers(layers, seen.labels, seen.classes)
