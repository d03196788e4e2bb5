"""A logistic regression of table rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats
from foretaste.recipes import accuracy, classes_of, labelled
from foretaste.summaries.softmax import Softmax
from foretaste.summaries.table_vectors import RARE, Layout

WEIGHTS = ("centre", "spread", "weights")


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

    def hidden(self, rows: Batch) -> Array:
        """(n, d) what the weights are multiplied by, but for the intercept."""
        vectors = self.layout.vectors(rows)
        if self.softmax is None:
            return vectors
        inputs: Array = self.softmax.inputs(vectors)[:, :-1]
        return inputs


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

    def penalty(self, rows: int) -> float:
        """On the squared weights, beside the loss summed over so many rows."""
        return self.ridge

    def quality(self, outcomes: Floats, rows: Batch) -> float:
        return accuracy(outcomes, rows)

    def kept(self, victim: LinearModel) -> tuple[dict[str, Array], dict[str, Any]]:
        """The weights, and how rows become vectors."""
        layout, softmax = victim.layout, victim.softmax
        arrays = {} if softmax is None else {name: getattr(softmax, name) for name in WEIGHTS}
        numbers = {name: list(scale) for name, scale in layout.numbers.items()}
        kinds = {name: list(values) for name, values in layout.kinds.items()}
        return arrays, {"numbers": numbers, "kinds": kinds, "classes": victim.classes}

    def revived(self, arrays: Mapping[str, Array], shape: Mapping[str, Any]) -> LinearModel:
        """The model that was kept."""
        numbers = {name: (float(at), float(by)) for name, (at, by) in shape["numbers"].items()}
        kinds = {name: tuple(values) for name, values in shape["kinds"].items()}
        softmax = Softmax(*(arrays[name] for name in WEIGHTS)) if arrays else None
        return LinearModel(Layout(numbers, kinds), softmax, int(shape["classes"]))
