"""Gradient boosting of table rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeRegressor

from foretaste.data import Array, Batch, Floats
from foretaste.recipes import accuracy, classes_of, labelled
from foretaste.summaries.table_vectors import RARE, Layout

FIRM = 1e-6  # no probability is smaller; its logarithm is what tuning starts from
LEAVES = 31
HUGE = 1e30  # infinities become as large as this
NEWTON = 4.0  # one over p (1 - p) at even odds: the step that boosting would take there


@dataclass(frozen=True)
class Trees:
    """A trained model: trees, and those that tuning added."""

    layout: Layout
    forest: HistGradientBoostingClassifier | None  # none if fewer than two classes could teach
    prior: Floats  # (k,) class shares, for when there is no forest
    added: tuple[DecisionTreeRegressor, ...] = ()  # each speaks for all classes
    rate: float = 0.1

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        return _softmax(self.logits(self.inputs(rows)))

    def inputs(self, rows: Batch) -> Floats:
        """(n, d) codes of strings, then numbers."""
        numbers = np.clip(self.layout.amounts(rows), -HUGE, HUGE)
        return np.hstack([self.layout.codes(rows), numbers])

    def logits(self, inputs: Floats) -> Floats:
        """(n, k) logarithms of probabilities, and what tuning added to them."""
        chances = np.tile(self.prior, (len(inputs), 1))
        if self.forest is not None and len(inputs):
            chances[:] = 0
            chances[:, self.forest.classes_] = self.forest.predict_proba(inputs)
        logits: Floats = np.log(np.maximum(chances, FIRM))
        for tree in self.added if len(inputs) else ():
            logits += self.rate * tree.predict(inputs)
        return logits


@dataclass(frozen=True)
class BoostedTrees:
    """Trains gradient-boosted trees on histograms; a second for 5,000 rows, more with classes.

    Columns of strings are split as kinds, not as numbers; missing numbers go where that is best.

    rounds: trees a class
    tuned: further rounds when it is tuned, a tree each that takes kinds in the order of their codes

    Needs `features`, a struct of numbers and strings or (n, d) of numbers, and `label` (n,) of
    class codes.

    >>> label = np.arange(80) // 20 % 2
    >>> features = np.column_stack([np.arange(80.0), np.ones(80)])
    >>> rows = Batch(range(80), {"features": features, "label": label})
    >>> recipe = BoostedTrees(rounds=10)
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0

    References
    ----------
    Friedman (2001). Greedy Function Approximation. doi:10.1214/aos/1013203451
    Ke et al. (2017). LightGBM: A Highly Efficient Gradient Boosting Decision Tree. NeurIPS 30
    """

    rounds: int = 100
    rate: float = 0.1
    rare: int = RARE
    tuned: int = 20

    needs: ClassVar = ("features", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> Trees:
        taught, k = rows.take(labelled(rows)), classes_of(rows)
        share = np.bincount(taught["label"], minlength=k) + 1.0
        empty = Trees(Layout.of(rows, self.rare), None, share / share.sum(), rate=self.rate)
        if len(np.unique(taught["label"])) < 2:
            return empty
        forest = HistGradientBoostingClassifier(
            learning_rate=self.rate, max_iter=self.rounds, max_leaf_nodes=LEAVES,
            categorical_features=np.arange(len(empty.layout.kinds)),
            # without a firm hand, a class of two or three rows makes every other one diverge
            l2_regularization=1.0, early_stopping=False, random_state=seed,
        )  # fmt: skip
        forest.fit(empty.inputs(taught), taught["label"])
        return Trees(empty.layout, forest, empty.prior, rate=self.rate)

    def tune(self, victim: Trees, rows: Batch, seed: int) -> Trees:
        """Boosting goes on from where the model stands, with the other rows."""
        taught = rows.take(labelled(rows))
        if not len(taught):
            return victim
        inputs, known = victim.inputs(taught), np.eye(len(victim.prior))[taught["label"]]
        logits, added = victim.logits(inputs), list(victim.added)
        for step in range(self.tuned):
            tree = DecisionTreeRegressor(
                max_leaf_nodes=LEAVES, min_samples_leaf=20, random_state=seed + step
            )
            tree.fit(inputs, NEWTON * (known - _softmax(logits)))
            logits += victim.rate * tree.predict(inputs)
            added.append(tree)
        return Trees(victim.layout, victim.forest, victim.prior, tuple(added), victim.rate)

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)


def _softmax(logits: Array) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
