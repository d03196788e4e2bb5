"""Backdoor rows pull their class along one direction; find that direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.moments import Moment, Moments


class Axis(NamedTuple):
    """The main direction of one class."""

    centre: Floats  # (d,)
    direction: Floats  # (d,) unit length
    spread: float  # variance along it


@dataclass(frozen=True)
class Spectral:
    """Suspects rows far out along the main direction of their class.

    The score is the squared distance along that direction over its variance, so a
    Gaussian class gives chi-squared scores with one degree of freedom.

    Blind to poison that is most of its class, or whose embedding stays inside it.

    Needs `embedding` (n, d) and `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> rows = Batch(list("abcde"), {"embedding": [[0], [1], [0], [1], [9]], "label": [0] * 5})
    >>> spectral = Spectral()
    >>> model = spectral.fit(spectral.summarize(rows))
    >>> spectral.score(rows, model).round(1).tolist()
    [0.4, 0.1, 0.4, 0.1, 3.9]

    References
    ----------
    Tran, Li, Madry (2018). Spectral Signatures in Backdoor Attacks. arXiv:1811.00636
    """

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.STRUCTURE
    scale: ClassVar = Scale.RAW

    def summarize(self, batch: Batch) -> Moments:
        return Moments.of(batch["embedding"], batch["label"])

    def fit(self, summary: Moments) -> Mapping[int, Axis]:
        return {label: _axis(moment) for label, moment in summary.by_class.items()}

    def score(self, batch: Batch, model: Mapping[int, Axis]) -> Floats:
        scores = np.full(len(batch), np.nan)  # a class never seen cannot be judged
        for label, axis in model.items():
            rows = batch["label"] == label
            along = (batch["embedding"][rows] - axis.centre) @ axis.direction
            scores[rows] = along**2 / axis.spread
        return scores

    def explain(self, batch: Batch, row: int, model: Mapping[int, Axis]) -> str:
        [score] = self.score(batch.take([row]), model)
        return f"{score**0.5:.1f} standard deviations out along the main axis of its class"


def _axis(moment: Moment) -> Axis:
    variances, directions = np.linalg.eigh(moment.scatter / moment.n)
    return Axis(moment.mean, directions[:, -1], max(float(variances[-1]), 1e-12))
