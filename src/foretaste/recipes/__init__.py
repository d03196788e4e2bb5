"""Small ways to train a model, so that what poison does can be measured and not guessed.

A `Recipe` trains on a batch and gives a `Victim` that predicts. Recipes are also what attacks use
that need a model of their own (a surrogate). They are small on purpose: seconds to minutes on a
laptop. A user's own pipeline comes in by `own_function` or `own_command`.
"""

from __future__ import annotations

import numpy as np

from foretaste.data import UNLABELLED, Array, Batch, Ints


def accuracy(outcomes: Array, rows: Batch) -> float:
    """The share of labelled rows whose likeliest class is their label; NaN for none.

    outcomes: (n, k) class probabilities

    >>> rows = Batch(["a", "b", "c"], {"label": [0, 1, -1]})
    >>> accuracy(np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]]), rows)
    0.5
    """
    labelled = rows["label"] != UNLABELLED
    if not labelled.any():
        return float("nan")
    right = outcomes.argmax(axis=1) == rows["label"]
    return float(right[labelled].mean())


def classes_of(rows: Batch) -> int:
    """How many classes there are: those named, or up to the highest code.

    >>> classes_of(Batch(["a"], {"label": [2]}))
    3
    """
    return max(len(rows.classes), int(rows["label"].max(initial=0)) + 1, 2)


def labelled(rows: Batch) -> Ints:
    """The positions of rows that can teach."""
    return np.flatnonzero(rows["label"] != UNLABELLED)
