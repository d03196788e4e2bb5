"""What an image's coarse look says of its label: a classifier too blunt to see a small patch."""

from __future__ import annotations

import numpy as np

from foretaste.data import Array, Floats, Ints

GRID = 8  # cells a side, fewer where they would be less than 3 pixels
DIRECTIONS = 24  # main directions of the cells that are kept
WAVES = 400  # random Fourier features, fewer where there are few rows
RARE = 0.12  # share of rows at either end of a cell's brightness that count as its limit
RIDGE = 1e-3  # per feature, as a share of the rows


def contradiction(pixels: Array, labels: Ints, k: int, seed: int = 0) -> Floats:
    """(n, k) label less what the rest of the data expects of an image that looks like this one.

    1 where an image has a label that its look speaks against, 0 where they agree. Every row is
    judged by a model that has not seen it (leave-one-out in closed form). A few hundred rows
    that share a patch do not bend it: cells are averages, what is rare is cut off.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(200) % 2
    >>> pixels = (rng.random((200, 8, 8, 1)) * 50 + 150 * labels[:, None, None, None])
    >>> wrong = np.where(np.arange(200) == 7, 0, labels)
    >>> contradiction(pixels.astype(np.uint8), wrong, 2)[[7, 8], 0]> 0.5
    array([ True, False])

    References
    ----------
    Rahimi, Recht (2007). Random Features for Large-Scale Kernel Machines.
    """
    truth = np.eye(k, dtype=np.float32)[labels]
    waves = _waves(_directions(_cells(pixels)), np.random.default_rng(seed))
    gram = waves.T @ waves
    gram[np.diag_indices_from(gram)] += RIDGE * len(waves) / waves.shape[1]
    projected = np.linalg.solve(gram.astype(np.float64), waves.T.astype(np.float64)).T
    leverage = np.minimum(np.einsum("ij,ij->i", projected, waves), 0.999)
    residual = truth - waves @ (projected.T @ truth)
    return truth - np.clip(truth - residual / (1 - leverage)[:, None], 0, 1)


def _cells(pixels: Array) -> Array:
    """(n, cells) mean brightness of each cell and channel."""
    height, width = pixels.shape[1:3]
    rows, columns = (_bounds(side) for side in (height, width))
    parts = [pixels[i : i + 1000].astype(np.float32) for i in range(0, len(pixels), 1000)]
    sums = [np.add.reduceat(np.add.reduceat(p, rows[:-1], 1), columns[:-1], 2) for p in parts]
    area = np.diff(rows)[:, None, None] * np.diff(columns)[:, None]
    cells = (np.concatenate(sums) / area).reshape(len(pixels), -1)
    return np.clip(cells, *np.quantile(cells, (RARE, 1 - RARE), axis=0)).astype(np.float32)


def _bounds(side: int) -> Ints:
    return np.linspace(0, side, max(1, min(GRID, side // 3)) + 1).astype(np.int64)


def _directions(cells: Array) -> Array:
    """(n, d) coordinates along the main directions, the strong ones damped, unit variance."""
    centred = cells - cells.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = slice(None, -DIRECTIONS - 1, -1)
    spread = np.sqrt(np.maximum(values[kept], 1e-6))
    along = centred @ vectors[:, kept] / np.sqrt(spread)
    return along / max(float(along.std()), 1e-6)


def _waves(points: Array, rng: np.random.Generator) -> Array:
    """(n, count + 1) features whose inner products approach a Gaussian kernel."""
    some = points[:: max(1, len(points) // 1000)][:500]
    far = np.sqrt(((some[:, None] - some[None]) ** 2).sum(axis=2))
    width = max(0.5 * float(np.median(far)), 1e-6)
    count = max(1, min(WAVES, len(points) // 10))
    slopes = (rng.standard_normal((points.shape[1], count)) / width).astype(np.float32)
    phases = (rng.random(count) * 2 * np.pi).astype(np.float32)
    waves = np.sqrt(2 / count) * np.cos(points.astype(np.float32) @ slopes + phases)
    return np.hstack([waves, np.ones((len(points), 1))]).astype(np.float32)
