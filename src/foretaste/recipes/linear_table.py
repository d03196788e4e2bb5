"""A logistic regression of table rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Batch, Floats
from foretaste.recipes import accuracy, classes_of, labelled
from foretaste.summaries.softmax import Softmax
from foretaste.summaries.table_vectors import RARE, Layout


@dataclass(frozen=True)
class LinearModel:
    """A trained model: how rows become vectors, and weights; no weights if nothing could teach."""

    layout: Layout
    softmax: Softmax | None
    classes: int

    def predict(self, rows: Batch) -> Floats:
        """(n, k) class probabilities."""
        if self.softmax is None:
            return np.full((len(rows), self.classes), 1 / self.classes)
        return self.softmax.probabilities(self.layout.vectors(rows))


@dataclass(frozen=True)
class LinearTable:
    """Trains a multinomial logistic regression; seconds for 100,000 rows.

    Numbers are standardised, missing ones are the mean; the values of a column of strings are
    one-hot. The same rows give the same model, whatever the seed.

    rare: string values in fewer rows share one place with those never seen
    ridge: penalty on the squared weights, summed over all rows
    steps: of L-BFGS when it is tuned on other rows, from the weights it has

    Needs `features`, a struct of numbers and strings or (n, d) of numbers, and `label` (n,) of
    class codes.

    >>> label = np.arange(40) % 2
    >>> features = np.column_stack([label + 1.5, np.ones(40)])
    >>> rows = Batch(range(40), {"features": features, "label": label})
    >>> recipe = LinearTable()
    >>> recipe.quality(recipe.train(rows, seed=0).predict(rows), rows)
    1.0

    References
    ----------
    Liu, Nocedal (1989). On the limited memory BFGS method. doi:10.1007/BF01589116
    """

    rare: int = RARE
    ridge: float = 1.0
    steps: int = 10

    needs: ClassVar = ("features", "label")
    measure: ClassVar = "accuracy"

    def train(self, rows: Batch, seed: int) -> LinearModel:
        taught, k = rows.take(labelled(rows)), classes_of(rows)
        layout = Layout.of(rows, self.rare)
        if not len(taught):
            return LinearModel(layout, None, k)
        vectors, each = layout.vectors(taught), np.ones(len(taught))
        softmax = Softmax.fit(vectors, taught["label"], each, k, self.ridge)
        return LinearModel(layout, softmax, k)

    def tune(self, victim: LinearModel, rows: Batch, seed: int) -> LinearModel:
        """Some more steps with the other rows; what a column is scaled by stays."""
        taught = rows.take(labelled(rows))
        if victim.softmax is None or not len(taught):
            return victim
        vectors, each = victim.layout.vectors(taught), np.ones(len(taught))
        softmax = victim.softmax.further(vectors, taught["label"], each, self.steps, self.ridge)
        return LinearModel(victim.layout, softmax, victim.classes)

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)
