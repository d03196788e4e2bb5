"""Drift beside the gate: what has changed since the trusted rows, at once or little by little."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from foretaste.data import Array, Batch, Floats, concat
from foretaste.gate.drift_streams import Streams
from foretaste.gate.drift_tests import Waves, apart, changed, course
from foretaste.gate.ruled import Window

SCHEMA = 1
_ANCHOR = 1_024  # trusted rows compared with
_KEPT = 256  # records of each window that are kept
_SAMPLE = 512  # records of each window in the test of all values together
_LONGEST = 24  # windows whose levels are kept
_SHOWN = 5  # values and sources named


class Change(StrEnum):
    """What has become of a stream."""

    NONE = "none"
    ABRUPT = "abrupt"  # from one window to the next: reads as an attack
    GRADUAL = "gradual"  # over several windows: reads as drift


class Shift(BaseModel):
    """A value, or a source, that has changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    before: float  # mean rank among trusted rows, 0.5 by definition; share of a source
    now: float
    change: Change
    since: int  # window


class View(BaseModel):
    """Drift in what arrived, or in what was admitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: Change
    since: int | None  # window in which it began, as far as that can be told
    p: float  # all values together against trusted rows
    level: float  # from which p on that is a change: alpha is spent window by window
    distance: float  # squared, between mean embeddings
    values: tuple[Shift, ...]  # those that changed, the furthest first
    sources: tuple[Shift, ...]  # whose records moved them most: shares of the window, then and now


class DriftRecord(BaseModel):
    """What has changed by the end of a window."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    record_schema: int = Field(SCHEMA, alias="schema")
    window: int
    records: int
    change: Change  # of what arrived: what the gate made of it does not hide it
    arrived: View
    admitted: View


@dataclass(frozen=True, eq=False)
class Course:
    """All that a view remembers; of bounded size.

    looks: windows so far
    kept: (w, k, s) ranks of records of the last windows, as 255ths; rows of 0 where there are none
    sizes: (w,) how many are kept of each
    levels: (t, s + 1) mean rank of each value by window, and the distance of all together
    """

    looks: int
    kept: Array
    sizes: Array
    levels: Floats


class Drift:
    """Watches windows that are over; holds nothing, learns nothing, moves no threshold.

    trusted: rows known to be clean, with the columns of the windows' rows; never renewed
    alpha: chance of any alarm, in any window, as long as nothing changes
    memory: windows that each value is followed over
    seed: of random features and permutations

    Each value becomes its rank among trusted rows. ADWIN follows each one, from a sample of
    trusted rows on through the last windows; it is built anew each time, so that nothing is kept
    which cannot be written down. All values together are compared with trusted rows by a kernel
    two-sample test, for which alpha is spent window by window. What has changed is then called
    abrupt, if a step explains its course by window, or gradual, if a slope explains it better:
    an attack begins, honest data drifts. Both are done for what arrived and for what was admitted.

    An attacker who takes his time reads as drift, which is no acquittal: thresholds do not follow
    either.

    >>> from foretaste.gate import Gate, Terms
    >>> rng = np.random.default_rng(0)
    >>> def rows(n, at=0.0):
    ...     return Batch([f"{at} {i}" for i in range(n)], {"features": rng.normal(at, 1, (n, 3))})
    >>> trusted = rows(1000)
    >>> gate, drift = Gate(trusted, Terms(checks=("joint_outlier",), window=300)), Drift(trusted)
    >>> [drift(one).change.value for one in gate(rows(600)).windows]
    ['none', 'none']
    >>> [drift(one).change.value for one in gate(rows(300, at=1.0)).windows]
    ['abrupt']

    References
    ----------
    Bifet, Gavaldà (2007). Learning from Time-Changing Data with Adaptive Windowing.
    doi:10.1137/1.9781611972771.42
    Gretton et al. (2012). A Kernel Two-Sample Test. https://jmlr.org/papers/v13/gretton12a.html
    """

    def __init__(self, trusted: Batch, alpha: float = 0.01, memory: int = 6, seed: int = 0) -> None:
        self.alpha, self.memory, self.seed = alpha, memory, seed
        self.streams = Streams.of(trusted)
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(trusted))[:_ANCHOR])
        self._anchor = self.streams.ranks(trusted.take(chosen))
        self._waves = Waves.of(self._anchor, rng)
        self._far = self._waves(self._anchor)
        self._sources = _shares(trusted)
        none = Course(
            0,
            np.zeros((0, _KEPT, len(self.streams.names)), np.uint8),
            np.zeros(0, np.int64),
            np.zeros((0, len(self.streams.names) + 1)),
        )
        self.state: dict[str, Course] = {"arrived": none, "admitted": none}

    def __call__(self, window: Window) -> DriftRecord:
        """What has changed by the end of this window."""
        arrived = concat([window.rows, window.held]) if len(window.held) else window.rows
        number = window.record.window
        views = {
            name: self._viewed(name, rows, number)
            for name, rows in (("arrived", arrived), ("admitted", window.rows))
        }
        return DriftRecord(
            schema=SCHEMA,
            window=number,
            records=len(arrived),
            change=views["arrived"].change,
            arrived=views["arrived"],
            admitted=views["admitted"],
        )

    def _viewed(self, name: str, rows: Batch, number: int) -> View:
        before = self.state[name]
        looks = before.looks + 1
        level = self.alpha / 4 / (looks * (looks + 1))
        if not len(rows):
            return View(
                change=Change.NONE, since=None, p=1.0, level=level, distance=0.0, values=(),
                sources=(),
            )  # fmt: skip
        ranks = self.streams.ranks(rows)
        rng = np.random.default_rng([self.seed, number])
        distance, p = apart(self._far, self._waves(_thinned(ranks, _SAMPLE)), rng)
        state = self._extended(before, ranks, distance)
        self.state[name] = state
        values = self._moved(state, number)
        together = p <= level
        change, since = _worst(values)
        if together and change is Change.NONE:
            abrupt, at = course(np.concatenate([[0.0], state.levels[:, -1]]))
            change = Change.ABRUPT if abrupt else Change.GRADUAL
            since = number - len(state.levels) + at
        sources = self._blamed(rows, ranks, values, change, since or 0)
        return View(
            change=change, since=since, p=p, level=level, distance=distance,
            values=values[:_SHOWN], sources=sources,
        )  # fmt: skip

    def _extended(self, before: Course, ranks: Floats, distance: float) -> Course:
        few = _thinned(ranks, _KEPT)
        block = np.zeros((1, _KEPT, ranks.shape[1]), np.uint8)
        block[0, : len(few)] = np.round(few * 255)
        line = np.append(ranks.mean(axis=0), distance)[None]
        return Course(
            before.looks + 1,
            np.concatenate([before.kept, block])[-self.memory :],
            np.append(before.sizes, len(few))[-self.memory :],
            np.concatenate([before.levels, line])[-_LONGEST:],
        )

    def _moved(self, state: Course, number: int) -> tuple[Shift, ...]:
        """The values that ADWIN finds changed, the furthest first."""
        names = self.streams.names
        delta = self.alpha / 4 / max(len(names), 1)
        blocks = [one[:size] for one, size in zip(state.kept, state.sizes, strict=True)]
        rows = np.concatenate([self._anchor, *(block / 255 for block in blocks)])
        usual = self._anchor.mean(axis=0)
        found = []
        for at, name in enumerate(names):
            if changed(rows[:, at], delta):
                levels = np.append(usual[at], state.levels[:, at])
                abrupt, since = course(levels)
                shift = Shift(
                    name=name, before=float(usual[at]), now=float(levels[-1]),
                    change=Change.ABRUPT if abrupt else Change.GRADUAL,
                    since=max(number - len(state.levels) + since, 0),
                )  # fmt: skip
                found.append(shift)
        return tuple(sorted(found, key=lambda one: -abs(one.now - one.before)))

    def _blamed(
        self, rows: Batch, ranks: Floats, values: tuple[Shift, ...], change: Change, since: int
    ) -> tuple[Shift, ...]:
        """Sources whose records are furthest the way the window went, by how many they are."""
        if change is Change.NONE or "source" not in rows:
            return ()
        way = ranks.mean(axis=0) - self._anchor.mean(axis=0)
        named = rows["source"].astype(str)
        names, at = np.unique(named, return_inverse=True)
        pull = np.bincount(at, (ranks - self._anchor.mean(axis=0)) @ way)
        share = np.bincount(at) / len(named)
        order = np.argsort(-pull, kind="stable")[:_SHOWN]
        return tuple(
            Shift(
                name=str(names[one]), before=self._sources.get(str(names[one]), 0.0),
                now=float(share[one]), change=change, since=since,
            )
            for one in order if pull[one] > 0
        )  # fmt: skip


def _worst(values: tuple[Shift, ...]) -> tuple[Change, int | None]:
    for change in (Change.ABRUPT, Change.GRADUAL):
        since = [one.since for one in values if one.change is change]
        if since:
            return change, min(since)
    return Change.NONE, None


def _thinned(rows: Floats, most: int) -> Floats:
    """As many, evenly spaced."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _shares(trusted: Batch) -> dict[str, float]:
    if "source" not in trusted:
        return {}
    names, many = np.unique(trusted["source"].astype(str), return_counts=True)
    return dict(zip(names.tolist(), (many / len(trusted)).tolist(), strict=True))
