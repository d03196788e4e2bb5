"""Finds rows without a label where the others have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import UNLABELLED, Batch, Floats


@dataclass(frozen=True)
class Labelled:
    """How many rows have a label."""

    labelled: int
    rows: int

    def merge(self, other: Labelled) -> Labelled:
        return Labelled(self.labelled + other.labelled, self.rows + other.rows)


@dataclass(frozen=True)
class MissingLabel:
    """Flags rows without a label, where at least `usual` of all rows have one.

    The score is 1 for such a row. Where fewer have one, being without is what the data set is
    like, and no row is flagged.

    Blind to labels that are there and wrong, and to placeholders such as "n/a" that count as a
    class of their own.

    Needs `label` (n,) of class codes, -1 where missing.

    >>> rows = Batch(list("abcd"), {"label": [0, 1, -1, 0]})
    >>> model = MissingLabel(usual=0.5).fit(MissingLabel().summarize(rows))
    >>> MissingLabel(usual=0.5).score(rows, model).tolist()
    [0.0, 0.0, 1.0, 0.0]

    References
    ----------
    Gebru et al. (2021). Datasheets for Datasets. arXiv:1803.09010
    """

    usual: float = 0.9

    needs: ClassVar = ("label",)
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.FACT

    def summarize(self, batch: Batch) -> Labelled:
        return Labelled(int((batch["label"] != UNLABELLED).sum()), len(batch))

    def fit(self, summary: Labelled) -> Labelled:
        return summary

    def score(self, batch: Batch, model: Labelled) -> Floats:
        if model.labelled < self.usual * max(model.rows, 1):
            return np.zeros(len(batch))
        return np.asarray(batch["label"] == UNLABELLED, np.float64)

    def explain(self, batch: Batch, row: int, model: Labelled) -> str:
        if batch["label"][row] != UNLABELLED:
            return "the label is there"
        return f"no label, where {model.labelled:,} of {model.rows:,} rows have one"
