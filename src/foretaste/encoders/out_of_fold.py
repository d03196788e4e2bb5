"""What a model that never trained on a row makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from foretaste.data import Array, Batch, Floats, Ints, Keys
from foretaste.summaries.reservoir import priority
from foretaste.summaries.softmax import Softmax
from foretaste.summaries.strata import Strata

_TRIAL = 6_000  # rows on which the models are compared
_RIDGES = (1.0, 10.0, 100.0, 300.0)  # few rows or many columns want a firm one


class Classifier(Protocol):
    """Anything that gives class probabilities."""

    def probabilities(self, vectors: Array) -> Floats: ...


class Folds(NamedTuple):
    """One model a fold, each trained on the other folds; none where nothing was learned."""

    held_out: tuple[Classifier, ...]
    k: int


@dataclass(frozen=True)
class OutOfFold:
    """Predicts each row's class by a model trained on other rows.

    A keyed hash of the content id draws the fold, so copies of a row share its fold and nobody
    can choose theirs. The models learn from a sample (`Strata`) in which rare classes are kept;
    every row, sampled or not, is judged by the model that did not train on its fold. A trial on
    held-out rows chooses how firm the linear model is and, in `auto`, whether trees do better, as
    they do for most tables.

    Needs `embedding` (n, d) and `label` (n,) of class codes; -1 is predicted but teaches nothing.

    >>> from foretaste.data import Batch
    >>> vectors = np.repeat([[0.0, 1.0], [1.0, 0.0]], 20, axis=0)
    >>> rows = Batch(range(40), {"embedding": vectors, "label": np.repeat([0, 1], 20)})
    >>> method = OutOfFold()
    >>> held_out = method.encode(rows, method.fit(method.summarize(rows)))["prediction"]
    >>> held_out.argmax(axis=1)[[0, 39]].tolist()
    [0, 1]

    References
    ----------
    Wolpert (1992). Stacked generalization. doi:10.1016/S0893-6080(05)80023-1
    Geurts, Ernst, Wehenkel (2006). Extremely randomized trees. doi:10.1007/s10994-006-6226-1
    """

    needs: ClassVar = ("embedding", "label")
    gives: ClassVar = ("prediction",)
    folds: int = 5
    rows: int = 40_000
    model: Literal["auto", "linear", "trees"] = "auto"
    seed: int = 0

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.rows, self.seed)

    def fit(self, summary: Strata) -> Folds:
        rows = summary.sorted()
        labels = rows["label"]
        k = max(len(rows.classes), int(labels.max(initial=-1)) + 1, 1)
        if not len(rows):
            return Folds((), k)
        learn = _Learner(_finite(rows["embedding"]), labels, summary.weights(labels), k)
        ridge, fold = self._chosen(learn), self._fold(rows.keys)
        return Folds(tuple(learn(fold != held, ridge) for held in range(self.folds)), k)

    def encode(self, batch: Batch, model: Folds) -> Batch:
        vectors, fold = _finite(batch["embedding"]), self._fold(batch.keys)
        prediction = np.full((len(batch), model.k), 1.0 / model.k)
        for held, classifier in enumerate(model.held_out):
            mine = fold == held
            if mine.any():
                prediction[mine] = classifier.probabilities(vectors[mine])
        return batch.having(prediction=prediction)

    def _fold(self, keys: Keys) -> Ints:
        return (priority(keys, self.seed + 1) % np.uint64(self.folds)).astype(np.int64)

    def _chosen(self, learn: _Learner) -> float | None:
        """The ridge of the linear model that does best; None where trees do clearly better."""
        if self.model == "trees":
            return None
        chosen = np.random.default_rng(self.seed).permutation(len(learn.labels))[:_TRIAL]
        trial = _Learner(learn.vectors[chosen], learn.labels[chosen], learn.weight[chosen], learn.k)
        known = np.arange(len(chosen)) % 3 > 0
        loss, ridge = min((trial.loss(trial(known, r), ~known), r) for r in _RIDGES)
        if self.model == "linear" or learn.k > 64:
            return ridge
        return None if trial.loss(trial(known, None), ~known) < 0.95 * loss else ridge


class _Learner(NamedTuple):
    """The sample, ready to be learned from in part."""

    vectors: Array
    labels: Ints
    weight: Floats
    k: int

    def __call__(self, rows: Array, ridge: float | None) -> Classifier:
        """A model of the rows chosen; trees without a ridge."""
        labels, weight = self.labels[rows], self.weight[rows]
        prior = (np.bincount(labels, weight, self.k) + 0.5) / (weight.sum() + 0.5 * self.k)
        if len(np.unique(labels)) < 2:
            return _Prior(prior)
        if ridge is None:
            return _Trees.fit(self.vectors[rows], labels, weight, prior)
        return Softmax.fit(self.vectors[rows], labels, weight, self.k, ridge)

    def loss(self, model: Classifier, rows: Array) -> float:
        """Weighted mean of the negative log-likelihood."""
        told = model.probabilities(self.vectors[rows])[np.arange(rows.sum()), self.labels[rows]]
        return float(-np.log(np.maximum(told, 1e-4)) @ self.weight[rows])


@dataclass(frozen=True)
class _Prior:
    """Says the class frequencies of everything."""

    prior: Floats  # (k,)

    def probabilities(self, vectors: Array) -> Floats:
        return np.tile(self.prior, (len(vectors), 1))


@dataclass(frozen=True)
class _Trees:
    """Extremely randomized trees, a little shrunk to the class frequencies."""

    forest: ExtraTreesClassifier
    prior: Floats

    @classmethod
    def fit(cls, vectors: Array, labels: Ints, weight: Floats, prior: Floats) -> _Trees:
        """Each tree sees part of the rows and leaves hold several, so no label is memorised."""
        forest = ExtraTreesClassifier(
            40, max_features=0.3, min_samples_leaf=3, bootstrap=True, max_samples=0.4,
            random_state=0,
        )  # fmt: skip
        return cls(forest.fit(vectors, labels, weight), prior)

    def probabilities(self, vectors: Array) -> Floats:
        chances = np.tile(0.01 * self.prior, (len(vectors), 1))
        chances[:, self.forest.classes_] += 0.99 * self.forest.predict_proba(vectors)
        return chances


def _finite(vectors: Array) -> Array:
    return np.nan_to_num(vectors.astype(np.float32), posinf=0.0, neginf=0.0)
