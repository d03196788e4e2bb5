"""Edits that last only as long as it takes to be in a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Batch, Floats
from foretaste.payload import Payload, delivered, fitting, shown


@dataclass(frozen=True)
class Frontrunning:
    """Poisons `count` rows of the last moments before a snapshot is taken, too late to be undone.

    snapshot: when it is taken, in the unit of `time`; None: with the last row
    window: how long before it an edit still stays, in the same unit (seconds)
    payload: `trigger`, the content gets the plainest trigger there is (a rare word, a white square,
        an odd number) and the label becomes `target`; or `flip`, only the label is wrong

    The model is shown rows of other classes, with the trigger if there is one.

    Countered by what looks at content: `trigger_phrase`, `trigger_patch`, `trigger_value`;
    `label_noise`, `label_flip`, `neighbour_disagreement`. Digests recorded with the snapshot are
    those of the poison. A second look helps, at a moment nobody can know and so much later that
    edits were undone: `foretaste origin check --against` keeps what was the same both times.

    Needs `time` (n,) and `label` (n,) of class codes; a trigger needs `text`, `pixels` or
    `features`.

    >>> rows = Batch(list("abcd"), {
    ...     "time": [10.0, 80.0, 95.0, 100.0], "text": ["one", "two", "three", "four"],
    ...     "label": [0, 0, 0, 0]})
    >>> attack = Frontrunning(count=2, target=1, window=10)
    >>> attack.poison(rows, np.random.default_rng(0)).batch["text"].tolist()
    ['one', 'two', 'cf three', 'cf four']

    References
    ----------
    Carlini et al. (2023). Poisoning Web-Scale Training Datasets is Practical. arXiv:2302.10149
    """

    count: int
    target: int = 0
    snapshot: float | None = None
    window: float = 3_600.0
    payload: Payload = "trigger"
    needs: ClassVar[tuple[str, ...]] = ("time", "label")

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int, rng: Generator) -> Self:
        """A window in which twice as many rows as are poisoned came, if there are so many."""
        times = np.sort(_times(batch)[fitting(batch, target) & np.isfinite(_times(batch))])
        if not len(times):
            return cls(count, target)
        first = times[max(0, len(times) - 2 * count)] if count else times[-1]
        return cls(count, target, window=float(_last(_times(batch)) - first))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        time = _times(batch)
        end = _last(time) if self.snapshot is None else self.snapshot
        fit = fitting(batch, self.target) & (time >= end - self.window) & (time <= end)
        rows = victims(fit, self.count, rng)
        return replaced(batch, rows, **delivered(batch.take(rows), self.payload, self.target))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        asked = shown(rows, self.payload, self.target)
        return Probe(asked, Outcome(np.full(len(asked), self.target)))


def _times(batch: Batch) -> Floats:
    return np.asarray(batch["time"], np.float64)


def _last(times: Floats) -> float:
    return float(np.nanmax(times, initial=-np.inf))
