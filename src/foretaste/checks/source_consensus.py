"""Sources whose labels disagree with what the labels of their peers say about like content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
from scipy.special import betainc

from foretaste.agreeing import Agreement
from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.tallies import source_keys

_PRICE = np.log10(4)  # looks: two at a source, at all new ones together, at everybody
_LEVELS = (1.5, 2.3)  # surprises that are bet on
_STAKES = np.array([0.3, 0.03])  # on each: against a source gone bad, and against one now and then
_COUNTED = np.array([1.5, 2.0, 2.5])  # surprises from which on records count as odd, together
_MILD, _CHANGED = 0.7, 5.0  # what tells how odd all are, and how many times as odd they may be
_HONEST = 0.5  # share of honest ones that may be among records held for their source
_BLAMED = 0.3  # and among those pulled because all together are too odd
_ODD = _LEVELS[0]  # surprise from which on a record of a bad source is held
_TENS = np.log(10)


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known of sources.

    agreement: what reads a label out of content
    trusted:   (t,) ascending keys of sources of trusted rows
    keys:      (m,) ascending, of sources that have sent something since
    evidence:  (m, 2) natural logarithm of what was won by betting against each, 0 or more
    stood:     (m,) records of each that were let in
    usual:     (2,) by how much evidence against the sources of trusted rows was more than promised
    """

    agreement: Agreement
    trusted: Keys
    keys: Keys
    evidence: Floats
    stood: Ints
    usual: Floats


@dataclass(frozen=True)
class SourceConsensus:
    """Holds what a source labels against its content, if it does so more often than its peers.

    A small model of trusted rows says how odd each label is for its content, among honest rows.
    Against each source stands a bet that its labels are odd, beside those of all others in the
    window: it wins with each odd one, loses with others, pays what bets against others win on
    average, and starts anew when it is broke, so a good name of any length pays for nothing. Such
    winnings are large by chance as rarely as they say, less what they said too much of trusted
    rows. A source that lost is held where its content speaks for another label than it gave,
    in this window and at the door of the next.
    All sources that are new, and all sources, are looked at together when a window ends: records
    are pulled where so many are odd that most of them cannot be honest.

    slack: how many times as often as trusted ones honest records may be odd, all together
    most: sources remembered; those nothing speaks against are forgotten first, and nothing is lost
    new: records that have to be let in before a source is no longer new
    trusted_most: sources of trusted rows that are remembered

    Blind to labels that fit what the model makes of the content, to a flipper under so many old
    names that each sends one or two, and to honest changes of what labels mean, which it holds.

    Needs `source` (n,) of strings and `label` (n,) of class codes; reads `text`, `embedding` or
    both.

    >>> rng = np.random.default_rng(0)
    >>> label = rng.integers(0, 2, 600)
    >>> rows = Batch(range(600), {"embedding": rng.normal(label[:, None] * 4, 1, (600, 3)),
    ...     "label": label, "source": [f"s{i % 9}" for i in range(600)]}, "ab")
    >>> check = SourceConsensus()
    >>> state = check.start(rows)
    >>> bad = rows["source"] == "s3"
    >>> window = rows.having(label=np.where(bad, 1 - label, label))
    >>> odd = check.settle(window, np.ones(600, bool), state) > 3
    >>> bool(odd[bad].mean() > 0.9), bool(odd[~bad].mean() < 0.02)
    (True, True)

    References
    ----------
    Dawid, Skene (1979). Maximum Likelihood Estimation of Observer Error-Rates. doi:10.2307/2346806
    Shin, Ramdas, Rinaldo (2022). E-detectors: a nonparametric framework for sequential change
    detection. arXiv:2203.03532
    Page (1954). Continuous Inspection Schemes. doi:10.1093/biomet/41.1-2.100
    Benjamini, Hochberg (1995). Controlling the False Discovery Rate.
    doi:10.1111/j.2517-6161.1995.tb02031.x
    """

    slack: float = 1.5
    most: int = 10_000
    new: int = 20
    trusted_most: int = 100_000

    needs: ClassVar = ("source", "label")
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Standing:
        agreement = Agreement.of(trusted)
        names, counts = np.unique(source_keys(trusted), return_counts=True)
        kept = np.sort(names[np.argsort(-counts, kind="stable")[: self.trusted_most]])
        none = np.zeros(0, np.int64)
        blank = Standing(
            agreement, kept, none.astype(np.uint64), np.zeros((0, 2)), none, np.zeros(2)
        )
        _, _, usual = _bets(source_keys(trusted), agreement.known, blank)
        excess = usual.max(axis=0, initial=0.0) - np.log(max(len(trusted), 1))
        return replace(blank, usual=np.maximum(excess, 0.0))

    def judge(self, batch: Batch, state: Standing) -> tuple[Floats, Standing]:
        odd = state.agreement.surprise(batch)
        before = _of(state, source_keys(batch))
        against = np.where(before > 0, before + np.maximum(_won(odd), 0.0), 0.0)
        return np.where(odd >= _ODD, _surprise(against, state), 0.0), state

    def settle(self, window: Batch, admitted: Mask, state: Standing) -> Floats:
        odd, who = state.agreement.surprise(window), source_keys(window)
        _, _, against = _bets(who, _beside_peers(odd), state)
        blamed = (odd >= _ODD) & (_shares(odd, who) <= _HONEST)
        own = np.where(blamed, _surprise(against, state), 0.0)
        crowd = self._new(who, state)
        together = np.zeros(len(window))
        together[crowd] = _crowded(odd[crowd], self.slack)
        every = np.maximum(_crowded(odd, self.slack), together)
        return np.maximum(own, np.maximum(every - _PRICE, 0.0))

    def learn(self, window: Batch, admitted: Mask, state: Standing) -> Standing:
        odd, who = _beside_peers(state.agreement.surprise(window)), source_keys(window)
        keys, last, _ = _bets(who, odd, state)  # of all: what stood is no fair sample of a source
        stood = np.bincount(np.searchsorted(keys, who), admitted, len(keys))
        every = np.union1d(state.keys, keys)
        evidence, records = np.zeros((len(every), 2)), np.zeros(len(every), np.int64)
        at = np.searchsorted(every, state.keys)
        evidence[at], records[at] = state.evidence, state.stood
        at = np.searchsorted(every, keys)
        evidence[at] = last
        records[at] += stood.astype(np.int64)
        return self._kept(replace(state, keys=every, evidence=evidence, stood=records))

    def heed(self, rows: Batch, clean: Mask, state: Standing) -> Standing:
        """A source somebody vouched for starts anew."""
        found = np.isin(state.keys, source_keys(rows)[clean])
        return replace(state, evidence=np.where(found[:, None], 0.0, state.evidence))

    def explain(self, batch: Batch, row: int, state: Standing) -> str:
        one = batch.take([row])
        chance = state.agreement.chances(one)[0]
        label, likely = int(one["label"][0]), batch.class_name(int(chance.argmax()))
        odd = 10.0 ** -float(state.agreement.surprise(one)[0])
        told = f"reads like {likely}, is labelled {batch.class_name(label)} (as odd: {odd:.2%} of"
        against = float(_of(state, source_keys(one)).max()) / _TENS
        return (
            f"{told} honest records); evidence against source {one['source'][0]}: 1e{against:.1f}"
        )

    def _new(self, who: Keys, state: Standing) -> Mask:
        """(n,) records of sources that are not in trusted rows and have hardly been let in."""
        at, known = _places(state.keys, who)
        long = np.zeros(len(who), bool)
        long[known] = state.stood[at[known]] >= self.new
        return ~long & ~_places(state.trusted, who)[1]

    def _kept(self, state: Standing) -> Standing:
        """The most telling sources: much against them, or else many records."""
        if len(state.keys) <= self.most:
            return state
        order = np.lexsort((state.keys, -state.stood, -state.evidence.max(axis=1)))
        kept = np.sort(order[: self.most])
        return replace(
            state, keys=state.keys[kept], evidence=state.evidence[kept], stood=state.stood[kept]
        )


def _beside_peers(odd: Floats) -> Floats:
    """(n,) less what all records of the window are more odd than trusted ones: honest change."""
    often = float((odd >= _MILD).mean()) * 10**_MILD if len(odd) else 1.0
    return np.maximum(odd - np.log10(np.clip(often, 1.0, _CHANGED)), 0.0)


def _won(odd: Floats) -> Floats:
    """(n, 2) logarithm of what fair bets against each label give back; a mild oddity loses them."""
    back = sum(10**level * (odd >= level) for level in _LEVELS) - len(_LEVELS)
    found: Floats = np.log(1 + _STAKES * np.asarray(back, np.float64)[:, None])
    return found


def _places(keys: Keys, wanted: Keys) -> tuple[Ints, Mask]:
    """(n,) where each stands in ascending keys, and whether it does."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted


def _of(state: Standing, who: Keys) -> Floats:
    """(n, 2) evidence against the source of each."""
    at, known = _places(state.keys, who)
    found = np.zeros((len(who), 2))
    found[known] = state.evidence[at[known]]
    return found


def _bets(who: Keys, odd: Floats, state: Standing) -> tuple[Keys, Floats, Floats]:
    """Sources, ascending; (m, 2) evidence against each after its records; (n, 2) of each record.

    A record counts with the most that its source had against it in these records.
    """
    order = np.argsort(who, kind="stable")
    keys, starts = np.unique(who[order], return_index=True)
    won, before = _beside_others(_won(odd)[order], starts), _of(state, keys)
    last, high = np.zeros((len(keys), 2)), np.zeros((len(who), 2))
    for place, (low, up) in enumerate(pairwise([*starts.tolist(), len(who)])):
        path = before[place] + np.cumsum(won[low:up], axis=0)
        path -= np.minimum(np.minimum.accumulate(path), 0.0)
        last[place] = path[-1]
        high[order[low:up]] = path.max(axis=0)
    return keys, last, high


def _beside_others(won: Floats, starts: Ints) -> Floats:
    """(n, 2) less what bets against a record of any other source win on average.

    Where what labels mean changes for everybody, bets win against everybody, most of all against
    whoever sends most; nothing of that is this source's own doing.
    """
    if len(starts) < 2:
        return won
    sizes = np.diff([*starts.tolist(), len(won)])
    sums = np.add.reduceat(won, starts, axis=0)
    others = (won.sum(axis=0) - sums) / (len(won) - sizes)[:, None]
    fair: Floats = won - np.repeat(np.maximum(others, 0.0), sizes, axis=0)
    return fair


def _surprise(against: Floats, state: Standing) -> Floats:
    """(n,) of evidence (n, 2): as bets promise, less what they promised too much before."""
    return np.maximum((against - state.usual).max(axis=1) / _TENS - _PRICE, 0.0)


def _crowded(odd: Floats, slack: float) -> Floats:
    """(n,) how seldom honest records are blamed for being too many that are odd.

    Too many is a binomial number, counted from three levels of oddity on. Blamed are those among
    whom three in ten would be honest at most, were all others; and whoever Benjamini and Hochberg
    would reject: with shares q of false discoveries the expected number rejected, all being
    honest, is q / (1 - q)^2, and each of the n has the same chance.
    """
    n = max(len(odd), 1)
    share = np.minimum(slack * _shares(odd, np.zeros(len(odd), np.uint64)), 0.999)
    chance = np.minimum(share / (1 - share) ** 2 / n, 1.0)
    counts = (odd[:, None] >= _COUNTED).sum(axis=0)
    usual = np.minimum(slack * 10.0**-_COUNTED, 1.0)
    seldom = betainc(np.maximum(counts, 1), n - np.maximum(counts, 1) + 1, usual).min()
    guilty = len(_COUNTED) * max(float(seldom), 1e-300)
    chance = np.where(share <= _BLAMED, np.minimum(chance, guilty), chance)
    return np.maximum(-np.log10(chance), 0.0)


def _shares(odd: Floats, group: Keys) -> Floats:
    """(n,) of those of its group that are at least as odd, the share expected were all honest."""
    found = np.ones(len(odd))
    order = np.lexsort((odd, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=np.uint64(1), append=np.uint64(0)))
    edges = np.unique(np.array([0, *starts, len(odd)]))
    for low, up in pairwise(edges.tolist()):
        n, chance = up - low, 10.0 ** -odd[order[low:up]]
        share = np.minimum.accumulate(n * chance / np.arange(n, 0, -1))
        found[order[low:up]] = np.minimum(share, 1.0)
    return found
