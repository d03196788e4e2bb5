"""The detectors of a scan, in a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from foretaste import registry
from foretaste.contracts import Detector, Scale
from foretaste.data import Batch, Floats, Mask, concat
from foretaste.streaming import Aspect
from foretaste.summaries.reservoir import Reservoir
from foretaste.surprise import Tail

_MODELS = 16  # fitted models that are kept at hand; any can be fitted again from the state


@dataclass(frozen=True, eq=False)
class Lesson:
    """What the detectors were last taught, and what they will be.

    fitted:  trusted rows that detectors are fitted to; judged: those that say how honest ones score
    taught:  rows let in that detectors are fitted to as well
    learned: sample of rows let in
    tails:   of each detector, how honest records score
    """

    fitted: Batch
    judged: Batch
    taught: Batch
    learned: Reservoir
    tails: tuple[Tail, ...]
    windows: int


@dataclass(frozen=True, eq=False)
class _Taught:
    """A detector and what it is fitted to, known by the ids of the rows."""

    detector: Detector[Any, Any]
    fitted: Batch
    taught: Batch

    def __hash__(self) -> int:
        return hash((self.detector, len(self.fitted), len(self.taught)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Taught)
            and self.detector == other.detector
            and self.fitted.arrow_ids().equals(other.fitted.arrow_ids())
            and self.taught.arrow_ids().equals(other.taught.arrow_ids())
        )


@dataclass(frozen=True)
class ScanDetector:
    """Holds records that a detector of `scan` finds odd.

    The detectors are fitted to a sample of every other trusted row and a smaller one of rows that
    were let in, anew every so many windows. What they score becomes surprising by the trusted rows
    that they were not fitted to; where a score is a plain fact it is one here. Several detectors
    share the price of being several. What a detector cannot tell, it is silent about: other checks
    look at it.

    detectors: names; those for which the trusted rows lack a column are left out
    rows: of the trusted ones; of those let in a third as many
    refresh_every: windows between two fits; 0: never
    seed: of both samples, which an attacker must not know

    Blind to what its detectors are blind to, and to groups, which only a scan of them all sees.

    Needs `embedding` and `label`, for `outlier`; others need what they say.

    >>> rng = np.random.default_rng(0)
    >>> rows = Batch([f"{i}" for i in range(900)], {
    ...     "embedding": rng.normal(size=(900, 3)), "label": np.zeros(900, int)})
    >>> check = ScanDetector()
    >>> state = check.start(rows)
    >>> far = Batch(["a"], {"embedding": [[9.0, 9.0, 9.0]], "label": [0]})
    >>> bool(check.judge(far, state)[0][0] > 2)
    True

    References
    ----------
    Laxhammar, Falkman (2010). Conformal prediction for distribution-independent anomaly detection
    in streaming vessel data. doi:10.1145/1833280.1833287
    """

    needs: ClassVar = ("embedding", "label")
    aspect: ClassVar = Aspect.INTEGRITY
    detectors: tuple[str, ...] = ("outlier",)
    rows: int = 6_000
    refresh_every: int = 50
    seed: int = 0

    def start(self, trusted: Batch) -> Lesson:
        kept = _columns(trusted, {name for one in self._built(trusted) for name in one.needs})
        step = max(1.0, len(kept) / self.rows)
        sample = kept.take(np.arange(0, len(kept), step).astype(np.int64))
        nothing = kept.take([])
        learned = Reservoir(nothing, max(1, len(sample) // 3), self.seed)
        half = np.arange(len(sample)) % 2 == 0
        fitted, judged = sample.take(half), sample.take(~half)
        return self._told(Lesson(fitted, judged, nothing, learned, (), 0))

    def judge(self, batch: Batch, state: Lesson) -> tuple[Floats, Lesson]:
        each = [surprise for _, surprise in self._surprises(batch, state)]
        if not each or not len(batch):
            return np.zeros(len(batch)), state
        return np.maximum(np.max(each, axis=0) - np.log10(len(each)), 0.0), state

    def learn(self, window: Batch, admitted: Mask, state: Lesson) -> Lesson:
        windows = state.windows + 1
        if not self.refresh_every:
            return replace(state, windows=windows)
        fresh = _columns(window.take(admitted), set(state.fitted.names))
        merged = Reservoir.of(fresh, fresh.names, state.learned.size, self.seed)
        learned = state.learned.merge(merged)
        if windows % self.refresh_every:
            return replace(state, learned=learned, windows=windows)
        return self._told(replace(state, taught=learned.sorted(), learned=learned, windows=windows))

    def explain(self, batch: Batch, row: int, state: Lesson) -> str:
        one = _columns(batch, set(state.fitted.names)).take([row])
        found = [(float(s[0]), d) for d, s in self._surprises(one, state)]
        if not found:
            return "no detector has its columns"
        detector = max(found, key=lambda pair: pair[0])[1]
        said = detector.explain(one, 0, _model(_Taught(detector, state.fitted, state.taught)))
        return f"{type(detector).__name__}: {said}".splitlines()[0]

    def _built(self, rows: Batch) -> list[Detector[Any, Any]]:
        built = [registry.build("detectors", name) for name in self.detectors]
        return [one for one in built if set(one.needs) <= set(rows.names)]

    def _surprises(
        self, batch: Batch, state: Lesson
    ) -> Iterator[tuple[Detector[Any, Any], Floats]]:
        for detector, tail in zip(self._built(state.fitted), state.tails, strict=True):
            model = _model(_Taught(detector, state.fitted, state.taught))
            scores = detector.score(batch, model)
            if detector.scale is Scale.FACT:
                yield detector, np.where(scores > 0, np.inf, 0.0)
            else:
                yield detector, np.nan_to_num(tail.surprise(scores), nan=0.0, posinf=np.inf)

    def _told(self, state: Lesson) -> Lesson:
        """With tails by trusted rows that the detectors, as they are now, never saw."""
        tails = []
        for detector in self._built(state.fitted):
            model = _model(_Taught(detector, state.fitted, state.taught))
            tails.append(Tail.of(detector.score(state.judged, model)))
        return replace(state, tails=tuple(tails))


def _columns(rows: Batch, names: set[str]) -> Batch:
    kept = {name: rows.arrow(name) for name in sorted(names) if name in rows}
    return Batch(rows.arrow_ids(), kept, rows.classes)


@lru_cache(maxsize=_MODELS)
def _model(one: _Taught) -> Any:
    rows = concat([one.fitted, one.taught])
    return one.detector.fit(one.detector.summarize(rows))
