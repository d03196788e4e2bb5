"""Whether a record reads like its label, to a small model of rows known to be clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from foretaste.data import UNLABELLED, Batch, Floats, Ints
from foretaste.summaries.linear import Weights, logistic
from foretaste.surprise import Tail
from foretaste.tokens import codes

_BUCKETS = 1 << 16  # places that words are hashed to
_WORDS = 400  # of a text that are read
_LOUD = np.float32(4.0)  # length of a row: the ridge of the model is made for about this
_MOST = 8_000  # trusted rows that are learned from
_FOLDS = 4  # stretches of trusted rows, each judged by a model of the others
_ENOUGH = 30  # rows of a class that tell what is usual for it
_LOOK = 2.0  # surprise at which two ways of comparing are compared


@dataclass(frozen=True, eq=False)
class Agreement:
    """A linear model of trusted rows, and how much honest rows disagree with it.

    words, vectors: which are read: the words of `text`, `embedding`, or both
    weights: (d + 1, k)
    centre, spread: of trusted vectors
    tails:   one a class, of how far rows of the class that the model had not seen were on the side
        of another; or one for all, where that finds flips more evenly
    known:   (n,) for each trusted row the surprise of its disagreement, by models that had not
        seen it

    Trusted rows are judged in stretches by models of the other stretches, so that what changes
    with time widens what is usual.

    >>> rng = np.random.default_rng(0)
    >>> label = rng.integers(0, 2, 400)
    >>> rows = Batch(range(400), {"embedding": rng.normal(label[:, None] * 4, 1, (400, 3)),
    ...     "label": label})
    >>> agreement = Agreement.of(rows)
    >>> flipped = rows.having(label=1 - label)
    >>> bool(np.median(agreement.surprise(rows)) < 1 < np.median(agreement.surprise(flipped)))
    True

    References
    ----------
    Northcutt, Jiang, Chuang (2021). Confident Learning: Estimating Uncertainty in Dataset Labels.
    arXiv:1911.00068
    """

    words: bool
    vectors: bool
    weights: Weights
    centre: Floats
    spread: float
    tails: tuple[Tail, ...]
    known: Floats

    @classmethod
    def of(cls, trusted: Batch) -> Self:
        """Of trusted rows with `label`."""
        k = max(len(trusted.classes), int(trusted["label"].max(initial=0)) + 1, 2)
        words, vectors = "text" in trusted, "embedding" in trusted
        centre, spread = _scale(trusted) if vectors else (np.zeros(0), 1.0)
        weights = np.zeros((1, k), np.float32)
        blank = cls(words, vectors, weights, centre, spread, (), np.zeros(0))
        labels = np.asarray(trusted["label"], np.int64)
        rows, chosen = blank._rows(trusted), np.flatnonzero(labels != UNLABELLED)
        chosen = chosen[:: max(1, len(chosen) // _MOST)]
        margins = _unseen(rows, labels, chosen, k)
        away = _away(margins, labels)
        wrong = np.where(labels == UNLABELLED, UNLABELLED, (labels + 1) % k)
        tails = _tails(away, _away(margins, wrong), labels, wrong)
        known = _told(away, labels, tails)
        return cls(words, vectors, _fitted(rows, labels, chosen, k), centre, spread, tails, known)

    def surprise(self, batch: Batch) -> Floats:
        """(n,) -log10 of how often honest rows of its label disagree as much; 0 without label."""
        labels = np.asarray(batch["label"], np.int64)
        return _told(_away(self._read(batch), labels), labels, self.tails)

    def chances(self, batch: Batch) -> Floats:
        """(n, k) what the model says of each row."""
        margins = self._read(batch)
        odds = 1 / (1 + np.exp(-np.clip(margins, -50, 50)))
        found: Floats = odds / odds.sum(axis=1, keepdims=True)
        return found

    def _read(self, batch: Batch) -> Floats:
        """(n, k) margins, without the detour over a sparse table: most batches are small."""
        n, k = len(batch), self.weights.shape[1]
        margins = np.tile(self.weights[-1].astype(np.float64), (n, 1))
        if self.words and n:
            row, at, share = _words(batch)
            said = self.weights[1 + at] * share[:, None]
            margins += np.stack([np.bincount(row, said[:, one], n) for one in range(k)], axis=1)
        if self.vectors:
            margins += self._vectors(batch) @ self.weights[len(self.weights) - 1 - self._d : -1]
        return margins

    @property
    def _d(self) -> int:
        return len(self.centre)

    def _vectors(self, batch: Batch) -> Weights:
        vectors = np.nan_to_num(np.asarray(batch["embedding"], np.float64))
        return ((vectors - self.centre) / self.spread).astype(np.float32)

    def _rows(self, batch: Batch) -> Any:
        """(n, d) what the weights are multiplied by."""
        parts = [sp.csr_matrix((len(batch), 1), dtype=np.float32)]
        if self.words:
            row, at, share = _words(batch)
            parts.append(sp.csr_matrix((share, (row, at)), (len(batch), _BUCKETS)))
        if self.vectors:
            parts.append(sp.csr_matrix(self._vectors(batch)))
        return sp.csr_matrix(sp.hstack(parts, format="csr"))


def _words(batch: Batch) -> tuple[Ints, Ints, Weights]:
    """Row, word and weight of each word of each text, once a text."""
    found = codes(batch.arrow("text"), _WORDS)
    row = np.repeat(np.arange(len(batch)), np.diff(found.offsets))
    at = (found.values % np.uint32(_BUCKETS)).astype(np.int64)
    once = np.unique(row * _BUCKETS + at)
    row, at = once // _BUCKETS, once % _BUCKETS
    counts = np.bincount(row, minlength=len(batch))
    return row, at, (_LOUD / np.sqrt(counts[row])).astype(np.float32)


def _scale(trusted: Batch) -> tuple[Floats, float]:
    vectors = np.nan_to_num(np.asarray(trusted["embedding"], np.float64))
    centre = vectors.mean(axis=0)
    spread = float(np.sqrt(((vectors - centre) ** 2).sum(axis=1).mean())) / float(_LOUD)
    return centre, max(spread, 1e-9)


def _fitted(rows: Any, labels: Ints, chosen: Ints, k: int) -> Weights:
    return logistic(rows[chosen], np.eye(k, dtype=np.float32)[labels[chosen]])


def _unseen(rows: Any, labels: Ints, chosen: Ints, k: int) -> Floats:
    """(n, k) what models say that have not seen the stretch a row is in."""
    fold = np.arange(len(labels)) * _FOLDS // max(len(labels), 1)
    margins = np.zeros((len(labels), k))
    for turn in range(_FOLDS):
        model = _fitted(rows, labels, chosen[fold[chosen] != turn], k)
        margins[fold == turn] = _margins(rows[fold == turn], model)
    return margins


def _margins(rows: Any, weights: Weights) -> Floats:
    return np.asarray(rows @ weights[:-1] + weights[-1], np.float64)


def _away(margins: Floats, labels: Ints) -> Floats:
    """(n,) how far each is on the side of another class than its own; NaN without label."""
    if not len(labels):
        return np.zeros(0)
    at = np.arange(len(labels)), np.clip(labels, 0, margins.shape[1] - 1)
    others = margins.copy()
    others[at] = -np.inf
    known = (labels >= 0) & (labels < margins.shape[1])
    return np.where(known, others.max(axis=1) - margins[at], np.nan)


def _tails(away: Floats, flipped: Floats, labels: Ints, wrong: Ints) -> tuple[Tail, ...]:
    """Of each class or of all, whichever finds more of the class it finds least of, if flipped."""
    k = int(max(labels.max(initial=0), wrong.max(initial=0))) + 1
    every = Tail.of(away)
    counts = [int((labels == code).sum()) for code in range(k)]
    apart = tuple(
        Tail.of(away[labels == code]) if counts[code] >= _ENOUGH else every for code in range(k)
    )
    whole = (every,) * k
    return apart if _least(flipped, wrong, apart) >= _least(flipped, wrong, whole) else whole


def _least(flipped: Floats, wrong: Ints, tails: tuple[Tail, ...]) -> float:
    hit = _told(flipped, wrong, tails) >= _LOOK
    return min((float(hit[wrong == code].mean()) for code in set(wrong.tolist())), default=0.0)


def _told(away: Floats, labels: Ints, tails: tuple[Tail, ...]) -> Floats:
    found = np.zeros(len(labels))
    for code, tail in enumerate(tails):
        mine = (labels == code) & ~np.isnan(away)
        if tail.rows:
            found[mine] = tail.surprise(away[mine])
    return found
