"""How much each source is to be trusted, by what became of what it sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.special import betaln, gammaln

from foretaste.data import Batch, Floats, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.tallies import source_keys

_USUAL = 0.02  # share of honest records that are held, at most, by a gate that is well set
_BETWEEN = 10.0  # how alike honest sources are: Beta(0.2, 9.8) of their shares
_WORD = 4  # held records of a source in one window that count
_NOTED = 3.0  # surprise from which on records were held for their source, which proves nothing
_MOST = 100  # records held, and half of those sent, that are told apart


@dataclass(frozen=True, eq=False)
class Reputations:
    """What became of what sources sent, most of it lately.

    keys:  (m,) ascending
    good:  (m,) records that stand, bounded, decaying
    bad:   (m,) records held or pulled, and those a person found to be poison, decaying
    fixed: (f,) ascending keys whose tier is a setting, and their trust
    tiers: (f,)
    mean:  what the factors of trusted rows are divided by, so that theirs are 1 on average
    """

    keys: Keys
    good: Floats
    bad: Floats
    fixed: Keys
    tiers: Floats
    mean: float


@dataclass(frozen=True)
class SourceTrust:
    """Weighs records by the trust in their source, and holds all of a source that lost it.

    Trust is the mean of a Beta distribution over what became of a source's records: those that
    stand count for it; those that were held or pulled against it, as far as they are more than of
    other sources, and four in a window at most, for what a window says may be one mistake; those a
    person looked at ten times as much. All fade by half in `half_life` windows. A new source starts
    low. Good conduct counts for at most `cap` records, so trust that was groomed for years is lost
    with the same few bad records as that of a month; and each bad record costs `price` good ones.
    The factors say how many false alarms a record deserves beside one of trusted rows, whose mean
    factor is 1: from `mildest` for the trusted to `strictest` for those on probation. A source of
    whose records more were held than stand, and far more than honest ones suffer, is held at the
    door, whatever it sends, until that fades or a person vouches for it.

    trusted, untrusted, probation: names of sources whose tier is fixed: their factors are the
        mildest, the strictest, and on probation everything is held
    most: sources remembered; those with the least records, good and bad, are forgotten, and are
        new again

    Blind to what records say, and to sources who share a name.

    Needs `source` (n,) of strings.

    >>> rows = Batch(range(90), {"source": [f"s{i % 9}" for i in range(90)]})
    >>> check, sent = SourceTrust(), rows.take(np.arange(0, 90, 9))
    >>> state = check.heed(sent, np.zeros(10, bool), check.start(rows))
    >>> bool(check.judge(sent, state)[0].min() > 4), float(check.judge(rows, state)[0][1])
    (True, 0.0)

    References
    ----------
    Jøsang, Ismail (2002). The Beta Reputation System. Bled eCommerce Conference 15.
    Hoffman, Zage, Nita-Rotaru (2009). A survey of attack and defense techniques for reputation
    systems. doi:10.1145/1592451.1592452
    """

    trusted: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    probation: tuple[str, ...] = ()
    cap: float = 50.0
    price: float = 5.0
    half_life: float = 20.0
    mildest: float = 0.5
    strictest: float = 4.0
    most: int = 50_000

    needs: ClassVar = ("source",)
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Reputations:
        fixed, tiers = self._tiers()
        none = np.zeros(0)
        blank = Reputations(none.astype(np.uint64), none, none, fixed, tiers, 1.0)
        who = source_keys(trusted)
        ones, half = np.ones(len(who)), len(who) // 2
        early = _counted(blank, who[:half], ones[:half], np.zeros(half))
        mean = float(self._raw(who[half:], self._bounded(early)).mean())
        known = _counted(blank, who, ones, np.zeros(len(who)))
        return self._bounded(replace(known, mean=mean if len(who) else 1.0))

    def judge(self, batch: Batch, state: Reputations) -> tuple[Floats, Reputations]:
        return self._lost(source_keys(batch), state), state

    def weigh(self, batch: Batch, state: Reputations) -> Floats:
        who = source_keys(batch)
        found = np.clip(self._raw(who, state) / state.mean, self.mildest, self.strictest)
        fixed, tier = _value(state.fixed, state.tiers, who)
        found[fixed & (tier == 0)] = self.mildest
        found[fixed & (tier > 0)] = self.strictest
        return found

    def learn(self, window: Batch, admitted: Mask, state: Reputations) -> Reputations:
        who = source_keys(window)
        open_ = self._lost(who, state) < _NOTED
        fade = 0.5 ** (1 / self.half_life)
        faded = replace(state, good=state.good * fade, bad=state.bad * fade)
        good, bad = admitted.astype(float), (~admitted & open_).astype(float)
        return self._bounded(_counted(faded, who, good, bad * _said(who, bad)))

    def heed(self, rows: Batch, clean: Mask, state: Reputations) -> Reputations:
        """A person's word counts as ten records; who is cleared is no longer blamed for that."""
        who = source_keys(rows)
        marks = np.asarray(clean, np.float64)
        heard = _counted(state, who, 10.0 * marks, 10.0 - 12.0 * marks)
        return self._bounded(replace(heard, bad=np.maximum(heard.bad, 0.0)))

    def explain(self, batch: Batch, row: int, state: Reputations) -> str:
        who = source_keys(batch.take([row]))
        good = _value(state.keys, state.good, who)[1][0]
        bad = _value(state.keys, state.bad, who)[1][0]
        factor = self.weigh(batch.take([row]), state)[0]
        name = batch["source"][row]
        return (
            f"of what source {name} sent lately {bad:.0f} were held and {good:.0f} stand "
            f"(at most {self.cap:.0f} count); it deserves {factor:.1f} times the usual doubt"
        )

    def _raw(self, who: Keys, state: Reputations) -> Floats:
        """(n,) doubt over trust, as a Beta(1, 3) prior and the records have it."""
        good = _value(state.keys, state.good, who)[1]
        bad = _value(state.keys, state.bad, who)[1] * self.price
        trust = (1 + good) / (4 + good + bad)
        return (1 - trust) / trust + self.mildest

    def _lost(self, who: Keys, state: Reputations) -> Floats:
        """(n,) how seldom so many records of an honest source are held."""
        good = _value(state.keys, state.good, who)[1]
        bad = _value(state.keys, state.bad, who)[1]
        found = np.zeros(len(who))
        some = (bad >= 1.0) & (bad >= good)
        if some.any():
            found[some] = _tail(bad[some], good[some])
        fixed, tier = _value(state.fixed, state.tiers, who)
        found[fixed & (tier == 0)] = 0.0
        found[fixed & (tier == 2)] = np.inf
        return found

    def _tiers(self) -> tuple[Keys, Floats]:
        names = [*self.trusted, *self.untrusted, *self.probation]
        tiers = [0.0] * len(self.trusted) + [1.0] * len(self.untrusted)
        tiers += [2.0] * len(self.probation)
        if not names:
            return np.zeros(0, np.uint64), np.zeros(0)
        keys = source_keys(Batch(names, {"source": names}))
        order = np.argsort(keys)
        return keys[order], np.array(tiers)[order]

    def _bounded(self, state: Reputations) -> Reputations:
        good = np.minimum(state.good, self.cap)
        bad = np.minimum(state.bad, self.cap)
        kept = np.flatnonzero(good + bad > 0.01)
        if len(kept) > self.most:
            worth = np.lexsort((state.keys[kept], -(good + self.price * bad)[kept]))
            kept = np.sort(kept[worth[: self.most]])
        return replace(state, keys=state.keys[kept], good=good[kept], bad=bad[kept])


def _said(who: Keys, bad: Floats) -> Floats:
    """(n,) how much each held record says against its source.

    Only what is held of a source beyond what is held of all others, and of honest ones, speaks
    against it; and what one window holds may be one mistake, so it says only so much.
    """
    _, at = np.unique(who, return_inverse=True)
    held, sent = np.bincount(at, bad), np.bincount(at)
    others = (held.sum() - held) / np.maximum(len(who) - sent, 1)
    excess = np.clip(held - np.maximum(_USUAL, others) * sent, 0.0, _WORD)
    said: Floats = (excess / np.maximum(held, 1.0))[at]
    return said


def _value(keys: Keys, values: Floats, who: Keys) -> tuple[Mask, Floats]:
    """(n,) whether there is one, and it; else 0."""
    found = np.zeros(len(who))
    if not len(keys):
        return np.zeros(len(who), bool), found
    at = np.minimum(np.searchsorted(keys, who), len(keys) - 1)
    known = keys[at] == who
    found[known] = values[at[known]]
    return known, found


def _counted(state: Reputations, who: Keys, good: Floats, bad: Floats) -> Reputations:
    keys = np.union1d(state.keys, who)
    at, places = np.searchsorted(keys, state.keys), np.searchsorted(keys, who)
    sums = []
    for old, new in ((state.good, good), (state.bad, bad)):
        total = np.bincount(places, new, len(keys)).astype(np.float64)
        total[at] += old
        sums.append(total)
    return replace(state, keys=keys, good=sums[0], bad=sums[1])


def _tail(bad: Floats, good: Floats) -> Floats:
    """(n,) -log10 of how often an honest source has so many records held, of so many."""
    held, sent = np.floor(bad).astype(int), np.ceil(bad + good).astype(int)
    return _chances()[np.minimum(sent, 2 * _MOST), np.minimum(held, _MOST)]


@cache
def _chances() -> Floats:
    """(sent, held) -log10 of the tails of beta-binomial distributions."""
    sent, held = np.arange(2 * _MOST + 1)[:, None], np.arange(2 * _MOST + 1)[None, :]
    a, b = _BETWEEN * _USUAL, _BETWEEN * (1 - _USUAL)
    left = np.maximum(sent - held, 0)
    ways = gammaln(sent + 1) - gammaln(held + 1) - gammaln(left + 1)
    logs = ways + betaln(held + a, left + b) - betaln(a, b)
    chance = np.where(held <= sent, np.exp(logs), 0.0)
    tails = np.cumsum(chance[:, ::-1], axis=1)[:, ::-1]
    found: Floats = np.maximum(-np.log10(np.maximum(tails, 1e-300)), 0.0)
    return found[:, : _MOST + 1]
