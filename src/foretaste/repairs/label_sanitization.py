"""Labels that most of the nearest rows do not share are theirs from now on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.contracts import Repaired
from foretaste.data import UNLABELLED, Array, Batch, Floats, Ints
from foretaste.summaries.neighbours import NOBODY, self_join
from foretaste.summaries.row_vectors import row_vectors


@dataclass(frozen=True)
class LabelSanitization:
    """Gives a row the label of its nearest rows, where enough of them agree on another.

    All rows are judged by the labels as they came, so their order says nothing. Near is Euclidean
    distance between embeddings, where there are any, else between standardised features, word
    vectors or principal components of pixels. Rows without a label get none and have no say.
    Repaired rows keep their ids; predictions learned from the old labels are dropped.

    nearest: how many rows are asked
    agreement: the share of them that must name one class; at least half of them

    Blind to flips that outnumber honest rows in a neighbourhood, and where the vectors mix the
    classes: there it changes honest rows too (about as many as a vote of neighbours gets wrong).

    Needs `label` (n,) of class codes and one of `embedding`, `features`, `text` and `pixels`.

    >>> side = np.repeat([0, 1], 20)
    >>> rows = Batch(range(40), {"embedding": np.eye(2)[side], "label": [1, *side[1:]]})
    >>> repaired = LabelSanitization().repair(rows)
    >>> repaired.batch["label"][:3].tolist(), int(repaired.changed.sum())
    ([0, 0, 0], 1)

    References
    ----------
    Paudice, Muñoz-González, Lupu (2018). Label Sanitization against Label Flipping Poisoning
    Attacks. arXiv:1803.00992
    """

    nearest: int = 10
    agreement: float = 0.5
    needs: ClassVar[tuple[str, ...]] = ("label",)

    def repair(self, batch: Batch) -> Repaired:
        label = batch["label"]
        said, better = np.flatnonzero(label != UNLABELLED), label.copy()
        if len(said) > 1:
            vectors = row_vectors(batch, "embedding" if "embedding" in batch else "any")
            better[said] = self._voted(vectors[said], label[said])
        changed = better != label
        return Repaired(batch.without("prediction").having(label=better), changed)

    def _voted(self, vectors: Array, label: Ints) -> Ints:
        """(n,) the label of the neighbours where they agree, else the own."""
        shares = _shares(self_join(vectors, self.nearest, "euclidean").indices, label)
        rows, first = np.arange(len(label)), shares.argmax(axis=1)
        clear = (shares[rows, first] >= self.agreement) & (
            shares[rows, first] > shares[rows, label]
        )
        return np.where(clear, first, label)


def _shares(indices: Ints, label: Ints) -> Floats:
    """(n, k) what part of the neighbours has each label."""
    present = indices != NOBODY
    votes = np.zeros((len(label), int(label.max()) + 1))
    rows = np.repeat(np.arange(len(label)), present.sum(axis=1))
    np.add.at(votes, (rows, label[indices[present]]), 1.0)
    shares: Floats = votes / np.maximum(present.sum(axis=1), 1)[:, None]
    return shares
