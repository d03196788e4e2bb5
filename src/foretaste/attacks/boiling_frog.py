"""Rows that move an online anomaly detector a little at a time, until it admits an attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from foretaste.attacks import DERIVED, replaced
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Array, Batch, Floats, Ints, Mask, concat
from foretaste.errors import BadInput
from foretaste.recipes.online_centroid import Centroid, OnlineCentroid

_SMALL = 1e-9


@dataclass(frozen=True)
class BoilingFrog:
    """Adds `count` rows to a stream, each just inside the radius on the side of an attack point.

    The greedy optimal displacement: the attacker follows the detector and places each row where
    the line from its centre to the point leaves the sphere. Without honest traffic between, every
    row moves the centre by radius / horizon; where a share v of the traffic is the attacker's, he
    gets no farther than about v / (1 - v) radii, as long as honest rows are admitted. He knows
    these, as the worst case. Rows without `time` come at the end of the stream, in one go.

    Of 20,000 card payments, under a horizon of 1,000, a point 1.65 radii out is admitted after 675
    rows in a burst, 1,050 among the last 5 % of the payments, 2,500 among the last 20 %; the AUC
    falls from 0.89 to 0.47 or less. For a point at 2 radii the detector is dragged off for good:
    every honest row raises an alarm.

    away: how far out the attack point lies, in radii, when it is chosen among unseen rows
    stretch: share of the stream, at its end, over which the rows are spread; 0: after all others
    margin: how far inside the radius the rows stay, as a share of it
    stray: how far from the line they lie, in radii, each in the direction in which two honest rows
        differ, so that none is a copy of another; 0.2 costs 2 % of the way
    surrogate: the detector that the attacker follows; the victim's own, if he knows it
    aim: the attack point; one row

    The model is shown the attack point; a hit is no alarm. Fields of strings, which this kind of
    detector does not read, are those of an honest row.

    Countered by nothing that looks at rows one by one: each lies inside what is normal. On credit
    card payments a whole scan flagged none of 600 rows in a burst and none of 1,200 among others;
    only rows that do not stray are seen, by `near_duplicate_vector` and `duplicate`. Trusted rows
    kept aside, a look at how far the centre has come since long ago, and a bound on how much one
    source may teach would help.

    Needs `features` (n, d) of numbers or (n,) of records.

    >>> stream = np.random.default_rng(0).normal(size=(500, 3))
    >>> attack_point = Batch(["far"], {"features": [[6.0, 6.0, 6.0]]})
    >>> attack = BoilingFrog(count=600, stretch=0, aim=attack_point, surrogate=OnlineCentroid(
    ...     warm=100, horizon=400))
    >>> rows = Batch(range(500), {"features": stream})
    >>> shown = attack.probe(rows, np.random.default_rng(0))
    >>> for given in rows, attack.poison(rows, np.random.default_rng(0)).batch:
    ...     shown.hit(attack.surrogate.train(given, seed=0).predict(shown.rows)).tolist()
    [False]
    [True]

    References
    ----------
    Rubinstein et al. (2009). ANTIDOTE: Understanding and Defending against Poisoning of Anomaly
    Detectors. doi:10.1145/1644893.1644895
    Kloft, Laskov (2012). Security Analysis of Online Centroid Anomaly Detection. arXiv:1003.0078
    """

    count: int
    away: float = 1.5
    stretch: float = 0.05
    margin: float = 0.01
    stray: float = 0.2
    surrogate: OnlineCentroid = field(default_factory=OnlineCentroid)
    aim: Batch | None = field(default=None, repr=False, compare=False)

    needs: ClassVar[tuple[str, ...]] = ("features",)
    adds: ClassVar[bool] = True

    def aimed(self, rows: Batch, rng: Generator) -> Self:
        """At the odd row that is nearest to `away` radii out, moved so that it is just there."""
        odd = np.ones(len(rows), bool)
        if "label" in rows and not self.surrogate.ordinary(rows).all():
            odd = ~self.surrogate.ordinary(rows)
        candidates = rows.take(odd)
        detector = self.surrogate.train(rows, 0)
        out = detector.predict(candidates)
        nearest = np.abs(out - self.away).argmin()
        one = candidates.take([nearest])
        line = detector.space.vectors(one) - detector.centre
        moved = detector.centre + line * self.away / max(float(out[nearest]), _SMALL)
        aim = one.having(features=_with_numbers(one, detector, moved))
        return replace(self, aim=aim.without(*DERIVED["features"]))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        return Probe(self._point(), _admitted)

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        detector, stream = self.surrogate.started(batch)
        vectors = np.array(list(self._walk(detector, stream, rng))).reshape(
            self.count, -1 if self.count else 0
        )
        donors = rng.choice(np.flatnonzero(self.surrogate.ordinary(batch)), self.count)
        both = concat([batch, batch.take(donors)])
        new = len(batch) + np.arange(self.count)
        columns: dict[str, Any] = {}
        columns["features"] = _with_numbers(batch.take(donors), detector, vectors)
        if "time" in batch:
            columns["time"] = self._times(stream)
        if "index" in batch:
            columns["index"] = batch["index"].max(initial=-1) + 1 + np.arange(self.count)
        return replaced(both, new, **columns)

    def _point(self) -> Batch:
        if self.aim is None:
            raise BadInput("a boiling frog needs an attack point: say `aim`, or call `aimed`")
        return self.aim

    def _walk(self, detector: Centroid, stream: Batch, rng: Generator) -> Iterator[Floats]:
        """What the attacker sends, while the detector meets it and the honest rows by turns."""
        point = detector.space.vectors(self._point())[0]
        met: Any = detector.space.vectors(stream)
        sends = np.bincount(self._turns(stream), minlength=len(met) + 1)
        for row, sending in enumerate(sends):
            for _ in range(sending):
                sent = self._step(detector, point, met[rng.integers(0, len(met), 2)])
                yield sent
                detector = detector.after(sent)
            if row < len(met):
                detector = detector.after(met[row])

    def _step(self, detector: Centroid, point: Floats, pair: Floats) -> Floats:
        """As far towards the point as the radius allows, and aside as two honest rows differ."""
        away = point - detector.centre
        length = max(float(np.linalg.norm(away)), _SMALL)
        aside = pair[0] - pair[1]
        aside = aside - away * (aside @ away) / length**2
        aside = aside * self.stray * detector.radius / max(float(np.linalg.norm(aside)), _SMALL)
        reach = detector.radius * float(np.sqrt((1 - self.margin) ** 2 - self.stray**2))
        sent: Floats = detector.centre + min(1.0, reach / length) * away + aside
        return sent

    def _turns(self, stream: Batch) -> Ints:
        """(count,) ascending: how many honest rows have passed when each row is sent."""
        if "time" not in stream or not self.stretch:
            return np.full(self.count, len(stream))
        return np.searchsorted(stream["time"], self._times(stream), side="right")

    def _times(self, stream: Batch) -> Floats:
        """(count,) evenly over the last part of the stream; at its end where there is no part."""
        times = np.asarray(stream["time"], np.float64)
        times = times[np.isfinite(times)]
        if not len(times):
            return np.zeros(self.count)
        first = times[min(int((1 - self.stretch) * len(times)), len(times) - 1)]
        return np.linspace(first, times[-1], self.count)


def _admitted(outcomes: Array) -> Mask:
    return np.asarray(outcomes <= 1)


def _with_numbers(donors: Batch, detector: Centroid, vectors: Floats) -> Array | pa.Array:
    """The features of honest rows with the attacker's numbers in them."""
    space = detector.space
    features = donors.arrow("features")
    if not len(donors):
        return features
    values = space.values(vectors)
    if isinstance(features, pa.FixedShapeTensorArray):
        return values.reshape(donors["features"].shape).astype(donors["features"].dtype)
    fields = {one.name: features.field(one.name) for one in features.type}
    for at, name in enumerate(space.names):
        fields[name] = pa.array(values[:, at]).cast(fields[name].type, safe=False)
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))
