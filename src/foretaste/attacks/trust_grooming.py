"""A source that is honest until it is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch, Mask
from foretaste.payload import Payload, delivered, fitting, shown


@dataclass(frozen=True)
class TrustGrooming:
    """Poisons `count` rows of one source, all of them in the last part of what it sent.

    source: who; None: who has most rows to poison in his last part
    clean: share of his rows, by time, that stay honest
    payload: `flip`, the label becomes `target`; or `trigger`, and the content gets the plainest
        trigger there is too: a rare word, a white square or an odd number

    The model is shown rows of other classes, with the trigger if there is one.

    Countered by `source_skew`, which counts all that a source sent: honest rows before do not pay
    for wrong ones after. Of 50 flips in 5,574 text messages it saw all, and accused 10 honest rows
    of the same source. By content too: `label_noise`, `label_flip`, `neighbour_disagreement`;
    `trigger_phrase`, `trigger_patch`, `trigger_value`. Nothing looks at how a source changes with
    time: fewer than five wrong rows go unseen however good the name was before.

    Needs `source` (n,) of strings, `time` (n,) and `label` (n,) of class codes; a trigger needs
    `text`, `pixels` or `features`.

    >>> rows = Batch(map(str, range(8)), {
    ...     "source": ["ann", "bob"] * 4, "time": np.arange(8.0), "label": [0] * 8})
    >>> attack = TrustGrooming(count=2, target=1, source="bob", clean=0.5)
    >>> np.flatnonzero(attack.poison(rows, np.random.default_rng(0)).touched).tolist()
    [5, 7]

    References
    ----------
    Jagielski et al. (2018). Manipulating Machine Learning: Poisoning Attacks and Countermeasures
    for Regression Learning. arXiv:1804.00308
    Hoffman, Zage, Nita-Rotaru (2009). A survey of attack and defense techniques for reputation
    systems. doi:10.1145/1592451.1592452
    """

    count: int
    target: int = 0
    source: str | None = None
    clean: float = 0.7
    payload: Payload = "flip"
    needs: ClassVar[tuple[str, ...]] = ("source", "time", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(self._betrayed(batch), self.count, rng)
        return replaced(batch, rows, **delivered(batch.take(rows), self.payload, self.target))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        asked = shown(rows, self.payload, self.target)
        return Probe(asked, Outcome(np.full(len(asked), self.target)))

    def _betrayed(self, batch: Batch) -> Mask:
        source = pl.Series(batch["source"].tolist(), dtype=pl.String)
        sent = pl.DataFrame({"source": source, "time": batch["time"]})
        turn = pl.col("time").rank("ordinal").over("source")
        late = sent.select(turn > self.clean * pl.len().over("source")).to_series()
        fit = fitting(batch, self.target) & late.to_numpy() & source.is_not_null().to_numpy()
        who = self.source
        if who is None:
            names, rows = np.unique(batch["source"][fit].astype(str), return_counts=True)
            who = str(names[rows.argmax()]) if len(names) else None
        return np.asarray(fit & (batch["source"] == who))
