"""The encoder with the suspected rows in, and with them left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from foretaste.contracts import Encoder
from foretaste.data import Batch, Dataset, Ints, concat


@dataclass(frozen=True)
class Retraining:
    """What two models make of the same rows.

    model:    learned with every row; without: learned with the rows `left_out` left out
    left_out: values of the column `index`, sorted
    """

    dataset: Dataset
    encoder: Encoder[Any, Any]
    summary: Any
    model: Any
    without: Any = None
    left_out: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def class_sizes(self) -> Counter[int]:
        """How many rows each class has."""
        sizes: Counter[int] = Counter()
        for batch in self.dataset:
            sizes.update(batch["label"].tolist())
        return sizes

    def leaving_out(self, rows: Ints) -> Retraining:
        """Trains again without these rows, nor any other of the same content."""
        ids: set[str] = set()
        for batch in self.dataset:
            ids.update(batch.take(np.isin(batch["index"], rows)).ids.tolist())
        without = self.encoder.fit(self.summary.without(ids))
        return replace(self, without=without, left_out=np.unique(rows))

    def gather(self, rows: Ints) -> Batch:
        """The rows of these indices with what both models make of them."""
        found = [batch.take(np.isin(batch["index"], rows)) for batch in self.dataset]
        return self.seen(concat([batch for batch in found if len(batch)] or found[:1]))

    def seen(self, batch: Batch) -> Batch:
        """Adds (n,) `learned` and `kept`, whether the models predict the row as labelled, and
        `instead`, the class that the second predicts.
        """
        batch = self.encoded(batch)
        instead = self.encoder.encode(batch, self.without)["prediction"].argmax(axis=1)
        learned = batch["prediction"].argmax(axis=1) == batch["label"]
        return batch.having(learned=learned, kept=instead == batch["label"], instead=instead)

    def encoded(self, batch: Batch) -> Batch:
        """With the columns of the first model, computed only where they are not there."""
        there = all(name in batch for name in ("embedding", "prediction"))
        return batch if there else self.encoder.encode(batch, self.model)

    def of_class(self, label: int) -> Iterator[Batch]:
        """The rows of one class, batch by batch."""
        for batch in self.dataset:
            chosen = batch["label"] == label
            if chosen.any():
                yield self.encoded(batch.take(chosen))
