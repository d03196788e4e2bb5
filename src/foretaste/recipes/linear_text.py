"""Weighted words and word pairs under a linear model: the text classifier of every first try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.sparse import csr_array

from foretaste.data import Array, Batch, Floats, Ints
from foretaste.recipes import accuracy, classes_of, labelled
from foretaste.tokens import codes, ngrams

TUNED = 5  # steps of descent when a model is trained on


class Lines(NamedTuple):
    """A trained model: a weight for each hashed word and class."""

    idf: Floats  # (d,)
    weights: Floats  # (d + 1, k), the last line is the intercept
    longest: int

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        return _softmax(self.hidden(rows) @ self.weights[:-1] + self.weights[-1])

    def hidden(self, rows: Batch) -> csr_array:
        """(n, d) what the weights are multiplied by, but for the intercept."""
        return _weighed(_counts(rows.arrow("text"), self.longest, len(self.idf)), self.idf)


@dataclass(frozen=True)
class LinearText:
    """Trains multinomial logistic regression on hashed TF-IDF n-grams; no torch, seconds.

    longest: words of an n-gram
    buckets: places that n-grams are hashed to
    ridge: penalty on squared weights, or on how far they move when a model is trained on

    Nothing in it is left to chance: every seed gives the same model.

    Needs `text` (n,) of strings and `label` (n,) of class codes.

    >>> text = ["a fine film", "fine and warm", "a dull film", "dull and cold"]
    >>> rows = Batch(range(4), {"text": text, "label": [1, 1, 0, 0]})
    >>> recipe = LinearText()
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0
    """

    longest: int = 2
    buckets: int = 1 << 18
    ridge: float = 1e-5
    steps: int = 60

    needs: ClassVar = ("text", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Lines:
        table = _counts(rows.arrow("text"), self.longest, self.buckets)
        held = np.bincount(table.indices, minlength=self.buckets)
        idf = np.log((1 + len(rows)) / (1 + held)) + 1
        blank = Lines(idf, np.zeros((self.buckets + 1, classes_of(rows))), self.longest)
        return self._descended(blank, rows, self.steps)

    def tune(self, victim: Lines, rows: Batch, seed: int) -> Lines:
        """A few steps from the weights it has."""
        return self._descended(victim, rows, TUNED)

    def penalty(self, rows: int) -> float:
        """On the squared weights, beside the loss summed over so many rows."""
        return rows * self.ridge

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)

    def kept(self, victim: Lines) -> tuple[dict[str, Array], dict[str, Any]]:
        """The weights."""
        return {"idf": victim.idf, "weights": victim.weights}, {"longest": victim.longest}

    def revived(self, arrays: Mapping[str, Array], shape: Mapping[str, Any]) -> Lines:
        """The model that was kept."""
        return Lines(arrays["idf"], arrays["weights"], int(shape["longest"]))

    def _descended(self, model: Lines, rows: Batch, steps: int) -> Lines:
        chosen = rows.take(labelled(rows))
        if not len(chosen):
            return model
        table = _weighed(_counts(chosen.arrow("text"), self.longest, self.buckets), model.idf)
        seen = np.append(np.unique(table.indices), self.buckets)
        weights = model.weights.copy()
        inputs = table[:, seen[:-1]].tocsr()
        weights[seen] = _descend(inputs, chosen["label"], weights[seen], self.ridge, steps)
        return model._replace(weights=weights)


def _descend(inputs: csr_array, labels: Ints, start: Floats, ridge: float, steps: int) -> Floats:
    n, across, rows = len(labels), inputs.T.tocsr(), np.arange(len(labels))

    def loss(flat: Floats) -> tuple[float, Floats]:
        moved = flat.reshape(start.shape)
        at = start + moved
        chances = _softmax(inputs @ at[:-1] + at[-1])
        told = np.log(np.maximum(chances[rows, labels], 1e-30)).mean()
        chances[rows, labels] -= 1
        slope = np.vstack([across @ chances, chances.sum(axis=0)]) / n + ridge * moved
        return float(0.5 * ridge * (moved**2).sum() - told), slope.ravel()

    options = {"maxiter": steps}
    best = minimize(loss, np.zeros(start.size), jac=True, method="L-BFGS-B", options=options)
    return start + best.x.reshape(start.shape)


def _counts(texts: pa.Array, longest: int, buckets: int) -> csr_array:
    """(n, buckets) how often each text has each n-gram."""
    found = ngrams(codes(texts), longest)
    at = (found.values % np.uint64(buckets)).astype(np.int64)
    table = csr_array((np.ones(len(at)), at, found.offsets), shape=(len(texts), buckets))
    table.sum_duplicates()
    return table


def _weighed(counts: csr_array, idf: Floats) -> csr_array:
    """TF-IDF, each row of length one."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    owner = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(owner, data**2, counts.shape[0]))
    shares = data / length[owner]
    return csr_array((shares, counts.indices, counts.indptr), shape=counts.shape)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
