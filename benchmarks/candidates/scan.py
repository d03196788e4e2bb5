"""SCAn: a class is two groups, not one (Tang, Wang, Tang, Zhang 2021, arXiv:1908.00686).

A row is the identity of its class plus a variation whose covariance is the same in all classes
and is learned from trusted rows (here by moments and shrinkage, not by EM, which 200 rows do not
carry). Under it the likelihood ratio of two groups against one is made robust over the classes;
e squared is the published threshold. Of an accused class, the group farther from the trusted
rows of that class is flagged.
"""

from __future__ import annotations

import numpy as np
from sklearn.covariance import LedoitWolf

THRESHOLD = np.exp(2)
needs_clean = True


def judge(seen):
    clean = seen.clean
    means = {k: clean.embedding[clean.labels == k].mean(axis=0) for k in np.unique(clean.labels)}
    within = LedoitWolf().fit(clean.embedding - np.stack([means[k] for k in clean.labels]))
    values, axes = np.linalg.eigh(within.covariance_)
    whitening = axes / np.sqrt(np.maximum(values, 1e-9))
    ratios, margins = np.zeros(seen.classes), np.zeros(len(seen.labels))
    for k in range(seen.classes):
        rows = np.flatnonzero(seen.labels == k)
        if len(rows) < 4:
            continue
        places = seen.embedding[rows] @ whitening
        home = means[k] @ whitening if k in means else np.median(places, axis=0)
        ratios[k], margins[rows] = two_groups(places, home)
    odd = robust(ratios)
    score = odd[seen.labels] * margins
    return score, (margins > 0) & (odd[seen.labels] > THRESHOLD)


def two_groups(places, home):
    """The likelihood ratio a row of two groups of unit covariance; (m,) the side of the other."""
    best = 0.0, np.zeros(len(places))
    middle = places.mean(axis=0)
    alone = ((places - middle) ** 2).sum()
    top = np.linalg.svd(places - middle, full_matrices=False)[2][:3]
    for start in top:
        side = (places - middle) @ start
        inside = side > np.median(side) + 0.5 * side.std()
        for _ in range(30):
            if not 2 <= inside.sum() <= len(places) - 2:
                break
            far, near = places[inside].mean(axis=0), places[~inside].mean(axis=0)
            again = (places - (far + near) / 2) @ (far - near) > 0
            if (again == inside).all():
                break
            inside = again
        if not 2 <= inside.sum() <= len(places) - 2:
            continue
        far, near = places[inside].mean(axis=0), places[~inside].mean(axis=0)
        apart = alone - sum(
            ((one - one.mean(axis=0)) ** 2).sum() for one in (places[inside], places[~inside])
        )
        if apart > best[0]:
            if np.linalg.norm(far - home) < np.linalg.norm(near - home):
                far, near = near, far
            gap = far - near
            best = apart, (places - (far + near) / 2) @ gap / (gap @ gap)
    return best


def robust(values):
    """How far above the median, in robust standard deviations."""
    away = values - np.median(values)
    return np.maximum(away / (1.4826 * np.median(np.abs(away)) + 1e-9), 0)
