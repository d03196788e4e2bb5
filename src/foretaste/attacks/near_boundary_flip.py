"""Wrong labels where a model is least, or most, sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from foretaste.attacks import crossed, flippable, highest, replaced
from foretaste.contracts import Poisoned, Probe, Recipe
from foretaste.data import Batch, Floats
from foretaste.errors import BadInput
from foretaste.recipes import classes_of, labelled
from foretaste.summaries.row_vectors import Column, row_vectors
from foretaste.summaries.softmax import Softmax

LEAST = 1e-9  # probabilities below count as this; their order is lost


@dataclass(frozen=True)
class NearBoundaryFlip:
    """Flips the labels of the `count` rows nearest to, or farthest from, a model's boundary.

    How far a row is: the difference between the log-probabilities of its own and of the likeliest
    other class (of `target`, where given), which the row is then labelled.

    first: `near` (the smallest difference, of either sign) or `far` (rows deep in their class)
    source: only rows of this class, else of any
    target: always this class, else the likeliest other
    column: what the attacker's own linear model sees: `features`, `text`, `pixels`, `embedding`
        or `any`, the first of these that there is
    surrogate: a recipe in the place of that linear model

    Near flips blur the boundary; far flips turn it, and cost a linear model most. On NSL-KDD, 5 %
    of 4,000 labels: 97.6 % of unseen rows right becomes 96.1 (near) or 93.5 (far), and 97.1 with
    random flips.

    Countered by `label_noise` and `neighbour_disagreement`, near flips well (average precision 0.8
    and 0.7 on these rows), far ones badly (0.4 and 0.2): rows deep in a class resemble each other,
    and flipped together they vouch for each other.

    Needs `label` (n,) of class codes and one of the columns above.

    >>> values = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    >>> rows = Batch(range(6), {"features": values, "label": [0, 0, 0, 1, 1, 1]})
    >>> flip = NearBoundaryFlip(count=2)
    >>> flip.poison(rows, np.random.default_rng(0)).batch["label"].tolist()
    [0, 0, 1, 0, 1, 1]

    References
    ----------
    Xiao, Xiao, Eckert (2012). Adversarial Label Flips Attack on Support Vector Machines. ECAI
    (nearest-first and furthest-first flips). doi:10.3233/978-1-61499-098-7-870
    """

    count: int
    target: int | None = None
    source: int | None = None
    first: Literal["near", "far"] = "near"
    column: Column = "any"
    surrogate: Recipe | None = None
    needs: ClassVar[tuple[str, ...]] = ("label",)

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        label = batch["label"]
        fit = flippable(label, self.source, self.target)
        told = np.log(np.maximum(self._chances(batch, rng), LEAST))
        own, everyone = told[np.arange(len(label)), label], np.arange(told.shape[1])
        told[everyone == label[:, None]] = -np.inf
        if self.target is not None:
            told[:, everyone != self.target] = -np.inf
        margin = own - told.max(axis=1)
        score = margin if self.first == "far" else -np.abs(margin)
        rows = highest(score, fit, self.count, rng)
        return replaced(batch, rows, label=told.argmax(axis=1)[rows])

    def probe(self, rows: Batch, rng: Generator) -> Probe | None:
        """Rows of `source`, to be called `target`; None where one of the two is open."""
        return crossed(rows, self.source, self.target)

    def _chances(self, batch: Batch, rng: Generator) -> Floats:
        """(n, k) what the attacker's model makes of the rows it learned from."""
        if self.surrogate is not None:
            lacking = [name for name in self.surrogate.needs if name not in batch]
            if lacking:
                raise BadInput(f"the surrogate needs {', '.join(lacking)}")
            return self.surrogate.train(batch, int(rng.integers(1 << 31))).predict(batch)
        vectors, label = row_vectors(batch, self.column), batch["label"]
        k = max(classes_of(batch), (self.target or 0) + 1)
        taught = labelled(batch)
        if not len(taught):
            return np.full((len(batch), k), 1 / k)
        model = Softmax.fit(vectors[taught], label[taught], np.ones(len(taught)), k)
        return model.probabilities(vectors)
