"""Gradients of the output layer, a row at a time: GraCeFul and GradSentry.

The gradient of a row is G = E'H / t (words, d): E (t, words) is what the model expects less what
comes, H (t, d) the hidden states before. It has rank t, so it is never laid out in full.

GraCeFul (Wu et al. 2024, arXiv:2412.02454): the two-dimensional cosine transform of G, an eighth
of its frequencies each way, 32 principal components, standardised; average linkage by cosine into
two clusters, of which the smaller is flagged.
GradSentry (Zhao et al. 2026, arXiv:2605.26574): the entropy of the 16 largest singular values of
G, over its maximum; flagged above the valley of its density between its outermost peaks, where
these stand 0.15 apart and 1 % of the rows lie above it, else above 0.7.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct
from scipy.signal import find_peaks
from scipy.stats import gaussian_kde
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

SHARE, COMPONENTS, RANK = 8, 32, 16
LEVEL, APART, LEAST = 0.7, 0.15, 0.01


def parts(model, question, answer):
    """E and H of a row, over the tokens of its answer."""
    hidden, told = model.follow(question, answer)
    wrong = model.expected(hidden).exp().numpy()
    wrong[np.arange(len(told)), told.numpy()] -= 1
    return wrong / len(told), hidden.float().numpy()


def frequencies(wrong, hidden):
    """The low frequencies of the gradient, flat."""
    low = [
        dct(one, axis=1, overwrite_x=False)[:, : one.shape[1] // SHARE] for one in (wrong, hidden)
    ]
    return (low[0].T @ low[1]).ravel()


def entropy(wrong, hidden):
    values, axes = np.linalg.eigh((wrong @ wrong.T).astype(float))
    root = np.sqrt(np.maximum(values, 0))[:, None] * axes.T
    strength = np.linalg.svd(root @ hidden, compute_uv=False)[:RANK]
    share = strength[strength > 0] / strength.sum()
    return float(-(share * np.log(share)).sum() / np.log(RANK))


def corner(wrong, hidden):
    """The same of the first eighth of words and dimensions, as in the published program."""
    return entropy(*(one[:, : one.shape[1] // SHARE] for one in (wrong, hidden)))


def components(inner):
    """(n, 32) standardised principal components, out of inner products (n, n) of the rows."""
    centred = inner - inner.mean(axis=0) - inner.mean(axis=1)[:, None] + inner.mean()
    values, axes = np.linalg.eigh(centred)
    places = axes[:, -COMPONENTS:] * np.sqrt(np.maximum(values[-COMPONENTS:], 0))
    return places / np.maximum(places.std(axis=0), 1e-12)


def graceful(places):
    """Which are flagged, and the silhouette of the two clusters, which the paper does not use."""
    found = AgglomerativeClustering(2, metric="cosine", linkage="average").fit_predict(places)
    shape = silhouette_score(places, found, metric="cosine")
    return found == np.bincount(found).argmin(), float(shape)


def gradsentry(entropies):
    """Which are flagged, and the level."""
    level = valley(entropies)
    return entropies > level, level


def valley(entropies):
    grid = np.linspace(entropies.min(), entropies.max(), 1000)
    density = gaussian_kde(entropies, "silverman")(grid)
    peaks = find_peaks(density, prominence=0.01 * density.max())[0]
    if len(peaks) < 2:
        return LEVEL
    low, high = peaks[0], peaks[-1]
    level = grid[low + density[low : high + 1].argmin()]
    if grid[high] - grid[low] < APART or (entropies >= level).mean() < LEAST:
        return LEVEL
    return level
