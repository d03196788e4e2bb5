"""Labels that the nearest rows do not share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.strata import Strata
from foretaste.summaries.vote import Electorate


@dataclass(frozen=True)
class NeighbourDisagreement:
    """Suspects rows whose neighbours carry another label.

    The score is the log odds of the most voted other class against the label given: 0 where both
    have as many votes. Copies of a row do not vote on it, and what a class is owed by its
    frequency counts as one vote.

    Blind to flips that come in whole neighbourhoods, and where the embedding mixes the classes.

    Needs `embedding` (n, d) and `label` (n,) of class codes.

    >>> from foretaste.data import Batch
    >>> side = np.repeat([0, 1], 10)
    >>> rows = Batch(range(20), {"embedding": np.eye(2)[side], "label": [1, *side[1:]]})
    >>> method = NeighbourDisagreement(voices=5)
    >>> int(method.score(rows, method.fit(method.summarize(rows))).argmax())
    0

    References
    ----------
    Wilson (1972). Asymptotic properties of nearest neighbor rules using edited data.
    doi:10.1109/TSMC.1972.4309137
    """

    needs: ClassVar = ("embedding", "label")
    kind: ClassVar = Kind.HYGIENE
    scale: ClassVar = Scale.RAW
    rows: int = 20_000
    voices: int = 20
    seed: int = 0

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("embedding",), self.rows, self.seed)

    def fit(self, summary: Strata) -> Electorate:
        labels = summary.sorted()["label"]
        k = max(len(summary.rows.classes), int(labels.max(initial=-1)) + 1, 1)
        weight = summary.weights(labels)
        prior = (np.bincount(labels, weight, k) + 0.5) / (weight.sum() + 0.5 * k)
        return Electorate.of(summary, prior, self.voices)

    def score(self, batch: Batch, model: Electorate) -> Floats:
        said = batch["label"]
        scores = np.full(len(batch), np.nan)
        known = np.flatnonzero((said >= 0) & (said < len(model.prior)))
        chances = model.chances(batch["embedding"][known], batch.keys[known])
        at = np.arange(len(known)), said[known]
        own = chances[at]
        chances[at] = 0
        scores[known] = np.log((chances.max(axis=1) + 1e-3) / (own + 1e-3))
        return scores

    def explain(self, batch: Batch, row: int, model: Electorate) -> str:
        chances = model.chances(batch["embedding"][[row]], batch.keys[[row]])[0]
        best = int(chances.argmax())
        said = batch.class_name(int(batch["label"][row]))
        return f"labelled {said}; {chances[best]:.0%} of its neighbours' votes say " + (
            batch.class_name(best)
        )
