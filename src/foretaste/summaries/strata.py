"""A fair sample of labelled rows in which no class is too rare to learn from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from foretaste.data import Batch, Floats, Ints, concat
from foretaste.summaries.reservoir import Reservoir, priority


@dataclass(frozen=True)
class Strata:
    """The `size` rows of smallest keyed hash, and of each class as many as its equal share.

    Holds at most twice `size` rows, whatever the number of classes. Within a class the rows are
    a uniform sample, so `weights` undoes the favour shown to rare classes.

    >>> labels = np.array([0] * 95 + [1] * 5)
    >>> rows = Batch([f"{i}" for i in range(100)], {"label": labels})
    >>> sample = Strata.of(rows, (), 10)
    >>> batch = sample.sorted()
    >>> int((batch["label"] == 1).sum()), float(sample.weights(batch["label"]).sum())
    (5, 100.0)
    """

    counts: Counter[int]  # rows seen, a class
    rows: Batch
    size: int
    seed: int = 0

    @classmethod
    def of(cls, batch: Batch, columns: tuple[str, ...], size: int, seed: int = 0) -> Strata:
        """Of a batch's labelled rows, keeping `label` and the columns named (and `index`)."""
        kept = {n: batch.arrow(n) for n in ("label", *columns, "index") if n in batch}
        rows = Batch(batch.arrow_ids(), kept, batch.classes).take(batch["label"] >= 0)
        return cls(Counter(rows["label"].tolist()), rows, size, seed)._trimmed()

    def merge(self, other: Strata) -> Strata:
        counts = self.counts + other.counts
        if not len(self.rows) or not len(other.rows):
            return self if len(self.rows) else other
        return Strata(counts, concat([self.rows, other.rows]), self.size, self.seed)._trimmed()

    def sorted(self) -> Batch:
        """The rows in an order that does not depend on how they were merged."""
        return Reservoir(self.rows, self.size, self.seed).sorted()

    def weights(self, labels: Ints) -> Floats:
        """(n,) how many rows of the data set each sampled row stands for, from its class."""
        held = Counter(self.rows["label"].tolist())
        of_class = {label: self.counts[label] / held[label] for label in held}
        return np.array([of_class[label] for label in labels.tolist()], np.float64)

    def without(self, ids: set[str]) -> Strata:
        """The same sample with the rows of these ids left out; the others weigh what they did."""
        rows = Reservoir(self.rows, self.size, self.seed).without(ids).rows
        held, kept = (Counter(some["label"].tolist()) for some in (self.rows, rows))
        counts = {label: round(self.counts[label] * kept[label] / held[label]) for label in kept}
        return Strata(Counter(counts), rows, self.size, self.seed)

    def _trimmed(self) -> Strata:
        """Keeping more for each class while fewer are known loses none of the final rows."""
        if len(self.rows) <= self.size:
            return self
        ranked = np.lexsort((self._ties(), priority(self.rows.keys, self.seed)))
        labels = self.rows["label"][ranked]
        by_class = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[by_class], labels[by_class])
        place = np.empty(len(labels), np.int64)
        place[by_class] = np.arange(len(labels)) - starts  # rank within the class
        share = self.size // max(1, len(self.counts))
        keep = (np.arange(len(labels)) < self.size) | (place < share)
        return Strata(self.counts, self.rows.take(ranked[keep]), self.size, self.seed)

    def _ties(self) -> Ints:
        return self.rows["index"] if "index" in self.rows else np.zeros(len(self.rows), np.int64)
