"""Whether some prompts are any prompts, or have a reason in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array
from scipy.stats import ncx2, norm

from foretaste.data import Floats, Ints
from foretaste.tokens import codes

_BUCKETS = 1 << 20  # of words by their code; two words rarely share one
_WIDTH = 256  # random directions that words are projected on
_AXES = 16  # numbers by which prompts are compared: main directions, and being bare
_BARE = 3  # words; with fewer a prompt is nothing but its mark
_FEW_BARE = 0.02  # variance of being bare where it is rare: a stray one moves no group
_REASON = 2.0  # squared shift of prompts that share a reason, in variances along the axes
_ANYWHERE = 0.8  # a word in such a share of a group, and so many times its due, is its mark
_ENRICHED = 3.0
_PEERS = 20  # fewer rows of the same kind show nothing about it
_AGREES = 0.5  # how far towards its kind a row leans that has an honest reason for it
_SEPARATE = 0.5  # standard deviations between a kind's prompts and others, if they tell of it


class Prompts:
    """All prompts as points: rare words on random directions, and whether few words are left.

    >>> rng = np.random.default_rng(1)
    >>> texts = pa.array([" ".join(rng.choice(list("abcdefghijkl"), 6)) for _ in range(300)])
    >>> prompts = Prompts(texts, np.ones(300))
    >>> any_of_them = prompts.less_mark(np.arange(0, 300, 5))
    >>> round(prompts.shift(any_of_them)), round(prompts.chance_of_reason(any_of_them), 6)
    (0, 0.0)

    References
    ----------
    Achlioptas (2003). Database-friendly random projections. doi:10.1016/S0022-0000(03)00025-4
    """

    def __init__(self, prompts: pa.Array, weights: Floats) -> None:
        self._words = _words(prompts)
        self._weights = weights / weights.sum()
        self._share = np.asarray(self._words.T @ self._weights)  # of prompts that hold the word
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (len(self._share), _WIDTH))
        rare = np.log(1 / np.maximum(self._share, 1e-12))
        self._directions = (signs * rare[:, None]).astype(np.float32)
        points = self._points(self._words)
        self._centre = self._weights @ points
        self._all = points - self._centre
        spread = (self._all.T * self._weights) @ self._all
        self._ridged = spread + np.eye(len(spread)) * np.trace(spread) / len(spread)
        self._axes = _axes(spread)

    def less_mark(self, rows: Ints) -> Floats:
        """(m, d) points of some prompts less the words that mark them, about the centre.

        A mark is what most of the group holds and others do not: a trigger, or the subject.
        Less its trigger a prompt is any prompt; those on one subject stay alike.
        """
        held = self._words[rows]
        share = np.asarray(held.sum(axis=0)).ravel() / len(rows)
        kept = (share < _ANYWHERE) | (share < _ENRICHED * self._share)
        rest = csr_array(held.multiply(kept[None, :]))
        rest.eliminate_zeros()
        return self._points(rest) - self._centre

    def shift(self, points: Floats) -> float:
        """Squared shift of a group, in variances along the main axes; 0 expected of a draw."""
        moved = points.mean(axis=0) @ self._axes
        return float(moved @ moved) - _AXES / len(points)

    def chance_of_reason(self, points: Floats) -> float:
        """p-value of so small a shift, had the prompts a reason in common.

        Prompts of natural groups of chats (one template, one subject) lie 1 to 30 away, random
        ones within a few hundredths: small groups are not told apart, and get no small p-value.
        """
        n = len(points)
        return float(ncx2.cdf(n * self.shift(points) + _AXES, _AXES, n * _REASON))

    def chance_of_agreeing(self, points: Floats, peers: Ints) -> float:
        """p-value of leaning so little towards other rows of the same kind; 0 if they are few.

        peers: rows of the same kind that are not of the group
        """
        if len(peers) < _PEERS:
            return 0.0
        leans, errors, due = 0.0, 0.0, 0.0
        for learn, check in ((peers[::2], peers[1::2]), (peers[1::2], peers[::2])):
            towards = np.linalg.solve(self._ridged, self._mean(learn))
            along = points @ towards
            leans += float(along.mean())
            errors += float(along.std()) / len(along) ** 0.5
            due += float(self._mean(check) @ towards)
        return float(norm.cdf((leans - _AGREES * due) / max(errors, 1e-12)))

    def chance_of_telling(self, points: Floats) -> float:
        """p-value of standing so little apart from all, if these prompts told their answers.

        Each half of the group is looked at along the direction that the other half gives.
        """
        if len(points) < _PEERS:
            return 1.0
        apart, n = [], len(points)
        for learn, check in ((points[::2], points[1::2]), (points[1::2], points[::2])):
            towards = np.linalg.solve(self._ridged, learn.mean(axis=0))
            spread = float(np.sqrt(self._weights @ (self._all @ towards) ** 2))
            apart.append(float((check @ towards).mean()) / max(spread, 1e-12))
        # Both halves measure about the same inner product, so averaging them gains nothing.
        return float(norm.cdf((float(np.mean(apart)) - _SEPARATE) * (n / 2) ** 0.5))

    def _mean(self, rows: Ints) -> Floats:
        weights = self._weights[rows]
        return weights @ self._all[rows] / weights.sum()

    def _points(self, words: csr_array) -> Floats:
        points = np.asarray(words @ self._directions, np.float64)
        length = np.linalg.norm(points, axis=1, keepdims=True)
        bare = np.asarray(words.sum(axis=1)).ravel() < _BARE
        return np.column_stack([points / np.where(length > 0, length, 1), bare])


def _axes(spread: Floats) -> Floats:
    """(d, axes) the main directions of the words, and having none left, of unit variance."""
    variances, found = np.linalg.eigh(spread[:-1, :-1])
    axes = np.zeros((len(spread), _AXES))
    axes[:-1, :-1] = found[:, 1 - _AXES :] / np.sqrt(np.maximum(variances[1 - _AXES :], 1e-9))
    axes[-1, -1] = 1 / np.sqrt(max(float(spread[-1, -1]), _FEW_BARE))
    return axes


def _words(prompts: pa.Array) -> csr_array:
    """(n, words) which prompt holds which word; words in fewer than three compare nothing."""
    rows = codes(prompts)
    words = (rows.values % _BUCKETS).astype(np.int64)
    owner = np.repeat(np.arange(len(prompts)), np.diff(rows.offsets))
    ones = np.ones(len(words), np.float32)
    held = csr_array((ones, (owner, words)), shape=(len(prompts), _BUCKETS))
    held.data[:] = 1
    return held[:, np.asarray(held.sum(axis=0)).ravel() >= 3]
