"""Sources that suddenly send more than they did, and crowds of new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.special import betainc

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.tallies import Tally, source_keys
from foretaste.tokens import mix

_PRICE = np.log10(3)  # looks: at a source by number, by time, at all new ones
_SLOW = 0.1  # how much of a usual rate is replaced by what was let in lately
_GROWS = 1.5  # by how much it may rise at most, each time that happens
_BLOCKS = 20  # stretches of trusted rows that tell how much the share of new sources varies
_LEAST = 1.5  # variance over mean of any count: no honest stream is as even as dice
_REGULAR = 0.5  # share of new and small sources above which nothing is known of regular ones
_NEW = np.uint64(1)  # stands for all new sources


@dataclass(frozen=True, eq=False)
class Rates:
    """How much each source sends, and sent.

    span:    records in which rates are counted
    seconds: time in which so many trusted records came when they came fastest; 0: unknown
    keys:    (m,) ascending; usual: (m,) records of each in a span
    varies:  variance over mean of what trusted sources sent, beside what they usually did
    recent:  what sources sent lately
    came:    what they sent since usual rates were looked at; let_in: what of that was let in
    timed:   what sources sent in each stretch of time
    share:   of records of new sources; spread: variance over mean of their number
    """

    span: int
    seconds: float
    keys: Keys
    usual: Floats
    varies: float
    recent: Tally
    came: Tally
    let_in: Tally
    timed: Tally
    share: float
    spread: float


@dataclass(frozen=True)
class SourceRate:
    """Holds what a source sends beyond its usual rate, and new sources beyond theirs together.

    What a source sent in the last `span` records, and in the time in which so many trusted ones
    came, is compared with what it usually sends: a negative binomial number, which varies as much
    as it did in trusted rows. New and small sources share one limit, so many new names are held
    as one would be. Records within a limit are let in. Usual rates follow, slowly: they rise by
    what was let in, by half in `span` records at most, and fall by what came, so that a source of
    which much is held is not expected to send less.

    span: records; fewer where fewer are trusted
    burst: how many times its usual rate a source may send on average
    share: of all records, that any known source may send on average
    small: share of all records below which a source has no limit of its own, but shares that of
        the new ones
    most: sources whose usual rate is remembered; of the smallest it is forgotten, and they are new

    Blind to attackers who stay within the limits, to new names where trusted rows are full of
    new names as well, and to all floods where most trusted rows are from new and small sources:
    what a regular sender is was not seen then. Without arrivals in trusted rows nothing is known
    of time.

    Needs `source` (n,) of strings; looks at `arrived`.

    >>> rows = Batch(range(1000), {"source": [f"s{i % 20}" for i in range(1000)]})
    >>> flood = Batch(range(400), {"source": ["s3"] * 400})
    >>> surprise, _ = SourceRate().judge(flood, SourceRate().start(rows))
    >>> float(surprise[0]), bool(surprise[300] > 3)
    (0.0, True)

    References
    ----------
    Yu, Kaminsky, Gibbons, Flaxman (2006). SybilGuard: defending against sybil attacks via social
    networks. doi:10.1145/1159913.1159945
    Lambert, Liu (2006). Adaptive Thresholds: Monitoring Streams of Network Counts.
    doi:10.1198/016214505000000943
    """

    span: int = 1_000
    burst: float = 2.0
    share: float = 0.05
    small: float = 0.01
    most: int = 50_000

    needs: ClassVar = ("source",)
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Rates:
        who, half = source_keys(trusted), len(trusted) // 2
        span = int(np.clip(half, 1, self.span))
        keys, usual = _usual(who[:half], span)
        keys, usual = keys[usual >= self.small * span], usual[usual >= self.small * span]
        share, spread = _crowds(~_known(keys, who[half:])[0])
        varies = _varies(keys, usual * (len(who) - half) / span, who[half:])
        seconds = _pace(trusted["arrived"]) * span if "arrived" in trusted else 0.0
        empty = Tally.empty()
        known = _usual(who, span)
        state = Rates(
            span, seconds, *known, varies, empty, empty, empty, empty, share, spread
        )  # fmt: skip
        return self._kept(state)

    def judge(self, batch: Batch, state: Rates) -> tuple[Floats, Rates]:
        who = source_keys(batch)
        known, usual = _known(state.keys, who, state.usual)
        crowd = np.cumsum(~known) + state.recent.seen(np.array([_NEW]))[0]
        of = state.recent.records + state.recent.old_records + np.arange(1, len(who) + 1)
        spans = np.maximum(of / state.span, 1.0)  # a burst is not held before there is a span
        may = np.maximum(self.burst * usual, self.share * state.span)
        own = _seldom(state.recent.before(who) + 1, may * spans, state.varies)
        together = _seldom(crowd, state.share * spans * state.span, state.spread)
        regular = known & (state.share <= _REGULAR)
        found = np.where(regular, own, np.where(known, 0.0, together))
        keys = np.concatenate([who, np.full(int((~known).sum()), _NEW)])
        state = replace(state, recent=state.recent.plus(keys, len(who)))
        if state.seconds:
            when = _when(batch, who, state.seconds)
            fast = _seldom(state.timed.before(when) + 1, may, state.varies)
            found = np.maximum(found, np.where(regular, fast, 0.0))
            state = replace(state, timed=state.timed.plus(when, len(who)))
        return np.maximum(found - _PRICE, 0.0), state

    def learn(self, window: Batch, admitted: Mask, state: Rates) -> Rates:
        who = source_keys(window)
        state = replace(
            state, came=state.came.plus(who, len(window)),
            let_in=state.let_in.plus(who[admitted], len(window)),
            recent=state.recent.turned(state.span), timed=state.timed.turned(state.span),
        )  # fmt: skip
        if state.let_in.records < state.span:
            return state
        keys = np.union1d(state.keys, state.let_in.keys)
        known, before = _known(state.keys, keys, state.usual)
        came, let_in = (
            tally.seen(keys) * (state.span / tally.records) for tally in (state.came, state.let_in)
        )
        now = np.where(came < before, came, np.maximum(before, let_in))
        risen = np.minimum((1 - _SLOW) * before + _SLOW * now, _GROWS * np.maximum(before, 1.0))
        usual = np.where(known, risen, let_in)
        nothing = Tally.empty()
        return self._kept(replace(state, keys=keys, usual=usual, came=nothing, let_in=nothing))

    def explain(self, batch: Batch, row: int, state: Rates) -> str:
        one = batch.take([row])
        who = source_keys(one)
        sent, known = int(state.recent.seen(who)[0]), _known(state.keys, who, state.usual)
        if known[0][0]:
            usually = f"usually {known[1][0]:.0f} in {state.span}"
            return f"source {one['source'][0]} sent {sent} records lately, {usually}"
        crowd = int(state.recent.seen(np.array([_NEW]))[0])
        usually = f"usually {state.share:.0%} of all"
        return f"new source, sent {sent} lately; new ones together {crowd}, {usually}"

    def _kept(self, state: Rates) -> Rates:
        kept = np.flatnonzero(state.usual >= self.small * state.span)
        if len(kept) > self.most:
            kept = np.sort(kept[np.argsort(-state.usual[kept], kind="stable")[: self.most]])
        return replace(state, keys=state.keys[kept], usual=state.usual[kept])


def _usual(who: Keys, span: int) -> tuple[Keys, Floats]:
    keys, counts = np.unique(who, return_counts=True)
    return keys, counts.astype(np.float64) * float(span / max(len(who), span))


def _pace(arrived: Floats) -> float:
    """Seconds a record, in the fastest twentieth of trusted rows."""
    size = max(len(arrived) // _BLOCKS, 1)
    lasted: Floats = arrived[size:] - arrived[:-size]
    return float(lasted.min(initial=np.inf)) / size if len(lasted) else 0.0


def _known(keys: Keys, who: Keys, values: Floats | None = None) -> tuple[Mask, Floats]:
    """(n,) whether each is there, and its value; else 0."""
    found = np.zeros(len(who))
    if not len(keys):
        return np.zeros(len(who), bool), found
    at = np.minimum(np.searchsorted(keys, who), len(keys) - 1)
    known = keys[at] == who
    if values is not None:
        found[known] = values[at[known]]
    return known, found


def _when(batch: Batch, who: Keys, seconds: float) -> Keys:
    """(n,) one key for each source and stretch of time."""
    at = np.asarray(batch["arrived"], np.float64) / seconds
    return mix(who ^ mix(at.astype(np.int64).astype(np.uint64)))


def _varies(keys: Keys, expected: Floats, who: Keys) -> float:
    """Variance over mean of how many records trusted sources sent, beside what was expected."""
    sent = np.bincount(np.searchsorted(keys, who[_known(keys, who)[0]]), minlength=len(keys))
    gap = float(((sent - expected) ** 2).sum())
    return max(gap / max(float(expected.sum()), 1.0), _LEAST)


def _crowds(new: Mask) -> tuple[float, float]:
    """What share of trusted rows is of new sources, and variance over mean of their number."""
    size = max(len(new) // _BLOCKS, 1)
    counts = [int(new[at : at + size].sum()) for at in range(0, len(new) - size + 1, size)]
    mean, spread = float(np.mean(counts or [0])), float(np.var(counts or [0]))
    share = (float(new.sum()) + 1) / (len(new) + 2)
    return share, max(spread / max(mean, 0.5), _LEAST)


def _seldom(count: Ints, mean: Floats, varies: float) -> Floats:
    """(n,) -log10 of how seldom a negative binomial number is so large."""
    chance = betainc(np.maximum(count, 1), mean / (varies - 1), 1 - 1 / varies)
    found: Floats = -np.log10(np.maximum(chance, 1e-300))
    return found
