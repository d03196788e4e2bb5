"""New sources that act alike: many names of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import betainc

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.tallies import source_keys
from foretaste.tokens import mix

_SPAN = 1_000  # trusted records that are looked at together, as a window will be
_COUNTS = 4  # numbers of records that are told apart: 1, 2, 3 to 4, 5 and more
_BITS = 6  # of a direction of content
_VIEWS = 3  # ways to be alike: how many records, with which labels, and on what
_LEAST = 1.5  # variance over mean of any count
_ALONE = 3  # names that act alike before anything is said


class Profiles(NamedTuple):
    """How each new source of some records acts.

    of:   (n,) source of each record as code, -1: not new
    acts: (sources, views) keys of what it does
    """

    of: Ints
    acts: Keys


@dataclass(frozen=True, eq=False)
class Habits:
    """What new sources usually do.

    known:  (s,) ascending keys of sources seen before
    axes:   (d, b) directions of content, and centre (d,)
    keys:   (m,) ascending; means: (m,) new sources in a window that act so
    rare:   of a way to act that no trusted source had
    spread: variance over mean of their number
    """

    known: Keys
    centre: Floats
    axes: Floats
    keys: Keys
    means: Floats
    rare: float
    spread: float


@dataclass(frozen=True)
class AlikeSources:
    """Pulls what new sources sent who act alike, if too many of them do.

    When a window is over, each source not seen before it is described: how many records it sent,
    with which labels, and in which direction their content points. How many new names act in
    one of these ways is known from trusted rows; names beyond that are taken for one source
    and pulled together. Names that come with a window are known in the next.

    most: sources remembered; the oldest keys are not told from new ones when there are more

    Blind to names that act like honest new ones, in numbers in which those come, and to new names
    where trusted rows are full of them.

    Needs `source` (n,) of strings; looks at `label` and `embedding`.

    >>> usual = Batch(range(600), {"source": [f"s{i % 30}" for i in range(600)],
    ...     "label": [0, 1] * 300})
    >>> check = AlikeSources()
    >>> names = [f"s{i % 30}" for i in range(300)] + [f"new {i // 4}" for i in range(60)]
    >>> window = Batch(range(360), {"source": names, "label": [0, 1] * 150 + [1] * 60})
    >>> odd = check.settle(window, np.ones(360, bool), check.start(usual)) > 3
    >>> bool(odd[300:].all()), bool(odd[:300].any())
    (True, False)

    References
    ----------
    Douceur (2002). The Sybil Attack. doi:10.1007/3-540-45748-8_24
    Cao, Yang, Yu, Palow (2014). Uncovering Large Groups of Active Malicious Accounts in Online
    Social Networks (SynchroTrap). doi:10.1145/2660267.2660269
    """

    most: int = 200_000

    needs: ClassVar = ("source",)
    aspect: ClassVar = Aspect.ORIGIN

    def start(self, trusted: Batch) -> Habits:
        centre, axes = _axes(trusted)
        none = np.zeros(0, np.uint64)
        state = Habits(none, centre, axes, none, np.zeros(0), 0.1, _LEAST)
        half, counts = len(trusted) // 2, []
        state = replace(state, known=np.unique(source_keys(trusted)[:half]))
        for at in range(half, len(trusted), _SPAN):
            rows = trusted.take(np.arange(at, min(at + _SPAN, len(trusted))))
            counts.append(_profiles(rows, state).acts.ravel())
        found, many = np.unique(np.concatenate([none, *counts]), return_counts=True)
        spans = max((len(trusted) - half) / _SPAN, 1e-9)
        means = many / min(spans, 1.0) / max(len(counts), 1)
        known = np.unique(source_keys(trusted))
        rare = max(0.1, 0.1 / min(spans, 1.0))
        return replace(state, known=known, keys=found, means=means, rare=rare)

    def judge(self, batch: Batch, state: Habits) -> tuple[Floats, Habits]:
        return np.zeros(len(batch)), state

    def settle(self, window: Batch, admitted: Mask, state: Habits) -> Floats:
        profiles, found = _profiles(window, state), np.zeros(len(window))
        if not len(profiles.acts):
            return found
        keys, group = np.unique(profiles.acts, return_inverse=True)
        many = np.bincount(group.ravel())
        at = np.minimum(np.searchsorted(state.keys, keys), max(len(state.keys) - 1, 0))
        known = np.isin(keys, state.keys)
        scale = max(len(window) / _SPAN, 1e-9)
        mean = np.where(known, state.means[at] if len(state.keys) else 0.0, 0.0) * scale
        mean = 2 * mean + state.rare
        seldom = betainc(many, mean / (state.spread - 1), 1 - 1 / state.spread)
        surprise = -np.log10(np.maximum(seldom, 1e-300)) - np.log10(max(len(keys), 2))
        surprise = np.where(many > _ALONE, np.maximum(surprise, 0.0), 0.0)
        worst = surprise[group.reshape(profiles.acts.shape)].max(axis=1)
        new = profiles.of >= 0
        found[new] = worst[profiles.of[new]]
        return found

    def learn(self, window: Batch, admitted: Mask, state: Habits) -> Habits:
        known = np.union1d(state.known, source_keys(window.take(admitted)))
        if len(known) > self.most:  # by what is as good as chance, and the same on every machine
            known = np.sort(known[np.argsort(mix(known), kind="stable")[: self.most]])
        return replace(state, known=known)

    def explain(self, batch: Batch, row: int, state: Habits) -> str:
        name = batch["source"][row]
        if source_keys(batch.take([row]))[0] in state.known:
            return f"source {name} is not new"
        return f"source {name} is new, and acts like too many others that are"


def _profiles(rows: Batch, state: Habits) -> Profiles:
    """What each source does that is not known."""
    who = source_keys(rows)
    names, of = np.unique(who, return_inverse=True)
    new = ~np.isin(names, state.known)
    code = np.where(new, np.cumsum(new) - 1, -1)
    of, m = code[of], int(new.sum())
    mine = of >= 0
    counts = np.bincount(of[mine], minlength=m)
    sizes = np.minimum(np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64), _COUNTS - 1)
    labels = _labels(rows, of, m)
    content = _content(rows, of, counts, state)
    size = sizes.astype(np.uint64)
    acts = [mix(size + np.uint64(1)), mix(mix(labels + np.uint64(2)) + size)]
    acts.append(mix(mix(mix(content + np.uint64(3)) + labels) + size))
    columns = acts if m else [np.zeros(0, np.uint64)] * _VIEWS
    return Profiles(of, np.stack(columns, axis=1))


def _labels(rows: Batch, of: Ints, m: int) -> Keys:
    """(m,) which labels a source gave, in which shares, roughly."""
    found = np.zeros(m, np.uint64)
    if "label" not in rows:
        return found
    label, mine = np.asarray(rows["label"], np.int64), of >= 0
    total = np.maximum(np.bincount(of[mine], minlength=m), 1)
    for code in np.unique(label[mine]).tolist():
        share = np.bincount(of[mine], label[mine] == code, m) / total
        found = mix(found + np.rint(2 * share).astype(np.uint64) * np.uint64(code + 2))
    return found


def _content(rows: Batch, of: Ints, counts: Ints, state: Habits) -> Keys:
    """(m,) on which side of some planes the mean of a source's content lies."""
    m, mine = len(counts), of >= 0
    if not len(state.axes) or "embedding" not in rows:
        return np.zeros(m, np.uint64)
    sides = (np.nan_to_num(np.asarray(rows["embedding"], np.float64)) - state.centre) @ state.axes
    sums = np.stack([np.bincount(of[mine], side[mine], m) for side in sides.T], axis=1)
    bits = (sums > 0).astype(np.uint64) << np.arange(sums.shape[1]).astype(np.uint64)
    found: Keys = bits.sum(axis=1).astype(np.uint64)
    return found


def _axes(trusted: Batch) -> tuple[Floats, Floats]:
    if "embedding" not in trusted:
        return np.zeros(0), np.zeros((0, _BITS))
    vectors = np.nan_to_num(np.asarray(trusted["embedding"], np.float64))
    axes = np.random.default_rng(0).normal(size=(vectors.shape[1], _BITS))
    return vectors.mean(axis=0), axes
