"""SPECTRE with QUE scores (Hayase, Kong, Somani, Oh 2021, arXiv:2104.11315).

Each class, on its first k main axes, is whitened by a robust mean and covariance (rows far out
are trimmed, five times); rows are scored by quantum entropy, alpha 4. k and the class are those
of the greatest mean score. It is told how many rows are poisoned and flags 1.5 times as many.
"""

from __future__ import annotations

import numpy as np

ALPHA, AXES = 4.0, (8, 16, 32, 64)
needs_count = True


def judge(seen):
    count = max(int(seen.truth.sum()), 50)
    flagged, score = np.zeros(len(seen.labels), bool), np.zeros(len(seen.labels))
    strength = np.zeros(seen.classes)
    for k in range(seen.classes):
        rows = np.flatnonzero(seen.labels == k)
        if len(rows) > 100:
            trimmed = min(1.5 * count / len(rows), 0.5)
            found = [quantum(seen.embedding[rows], axes, trimmed) for axes in AXES]
            strength[k], score[rows] = max(found, key=lambda one: one[0])
    rows = np.flatnonzero(seen.labels == strength.argmax())
    flagged[rows[np.argsort(-score[rows])[: round(1.5 * count)]]] = True
    return score, flagged


def quantum(vectors, axes, trimmed):
    centred = vectors - vectors.mean(axis=0)
    main = np.linalg.eigh(centred.T @ centred)[1][:, -axes:]
    places = whitened(centred @ main, trimmed)
    spread = np.cov(places.T)
    values, vectors = np.linalg.eigh(spread - np.eye(axes))
    weights = np.exp(ALPHA * (values - values.max()) / max(values.max(), 1e-9))
    score = (places @ vectors) ** 2 @ weights / weights.sum()
    return score.mean(), score


def whitened(places, trimmed):
    kept = np.ones(len(places), bool)
    for _ in range(5):
        middle, spread = places[kept].mean(axis=0), np.cov(places[kept].T)
        values, axes = np.linalg.eigh(spread)
        white = (places - middle) @ (axes / np.sqrt(np.maximum(values, 1e-3 * values.mean())))
        away = (white**2).sum(axis=1)
        kept = away <= np.quantile(away, 1 - trimmed)
    # trimming makes the spread too small by a factor that a clean class shows as well
    return white / np.sqrt(np.median((white[kept] ** 2).mean(axis=0)))
