"""Newcomers whose ratings were drawn by lot, and who agree on one item."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints, Keys, Mask
from foretaste.newcomers import Acquaintances, agreement, user_keys
from foretaste.streaming import Aspect
from foretaste.summaries.content import hashed
from foretaste.summaries.tastes import Odds, Profiles, Tastes, begun, chosen, places
from foretaste.surprise import Tail

_EXTREME = 0.2  # of the scale, at either end
_ODD = 1.5  # -log10 from which on a profile is odd, when odd ones are seen together
_REMEMBERED = 4_096  # users remembered at the door


class Lines(NamedTuple):
    """Ratings by newcomers."""

    who: Keys
    item: Keys
    rating: Floats
    when: Ints  # window


@dataclass(frozen=True, eq=False)
class Market:
    """What honest users rate together, what newcomers rated lately, and who of them is odd.

    tastes: of trusted rows; pulls: of its items on each other
    odds, tail: how drawn by lot a profile looks, and how surprising that is
    praised, damned: (m,) honest users who rate each item at the end of the scale
    known:  users by when they came
    window: number of the open window
    who, item, rating, when: (r,) ratings of newcomers in the last windows
    odd, oddness: (o,) the odd newcomers, keys rising, and how odd they are
    accused, surprise: (a,) users to be held at the door, keys rising
    """

    tastes: Tastes
    pulls: Array
    odds: Odds
    tail: Tail
    praised: Ints
    damned: Ints
    known: Acquaintances
    window: int
    who: Keys
    item: Keys
    rating: Floats
    when: Ints
    odd: Keys
    oddness: Floats
    accused: Keys
    surprise: Floats

    @property
    def lines(self) -> Lines:
        """Ratings of newcomers in the last windows."""
        return Lines(self.who, self.item, self.rating, self.when)


@dataclass(frozen=True)
class RatingProfile:
    """Holds ratings by newcomers whose profiles look drawn by lot, the sooner if they agree.

    A profile is all that a newcomer rated in the last windows. What taste chose goes together:
    items that the same users rate, of a popularity that users like. A model of ten such traits
    tells profiles of trusted users from those that attackers fill by lot (random, average,
    bandwagon); how surprising its answer is, trusted users say that it has not learned from. A
    profile that is odd at one in 30 is also held if newcomers as odd agree with it in
    praising or damning one item more than trusted users, and newcomers less odd, explain. All
    ratings of such a user in a window are pulled when it is over, and later ones at the door.

    young: windows after which a newcomer is none
    span: windows of which a newcomer's ratings are remembered
    few: ratings of known items; a profile with fewer says nothing
    seed: of the profiles drawn

    Remembers what newcomers rated in the last `span` windows and 131,072 users, beside the pairs
    of the 2,000 items that trusted users rate most often.

    Blind to profiles of fewer than `few` ratings, to those copied from real users or chosen as
    real users choose, to users who were honest for `young` windows, and to what a user rates in
    the windows before the first in which his profile can be told.

    Needs `user` and `item` (n,) and `rating` (n,).

    >>> rng = np.random.default_rng(0)
    >>> seen = rng.random((240, 80)) < np.where(np.arange(240)[:, None] % 4 == np.arange(80) % 4,
    ...     0.7, 0.05)
    >>> user, item = np.nonzero(seen)
    >>> def rows(user, item, rating):
    ...     names = {"user": [f"u{i}" for i in user], "item": [f"i{i}" for i in item]}
    ...     return Batch(map(str, range(len(user))), names | {"rating": rating})
    >>> check = RatingProfile()
    >>> state = check.start(rows(user, item, rng.integers(1, 6, len(user)).astype(float)))
    >>> lots = np.concatenate([rng.permutation(80)[:30] for _ in range(6)])
    >>> crowd = rows(1000 + np.arange(180) // 30, lots, np.full(180, 3.0))
    >>> bool(check.settle(crowd, np.ones(180, bool), state).min() > 2)
    True

    References
    ----------
    Lam, Riedl (2004). Shilling Recommender Systems for Fun and Profit. doi:10.1145/988672.988726
    Chirita, Nejdl, Zamfir (2005). Preventing Shilling Attacks in Online Recommender Systems.
    doi:10.1145/1097047.1097061
    Burke et al. (2006). Classification Features for Attack Detection in Collaborative Recommender
    Systems. doi:10.1145/1150402.1150465
    """

    young: int = 10
    span: int = 10
    few: int = 10
    seed: int = 0

    needs: ClassVar = ("user", "item", "rating")
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Market:
        lines = _lines(trusted, user_keys(trusted), 0)
        names, user = np.unique(lines.who, return_inverse=True)
        tastes = Tastes.of(user, lines.item, lines.rating)
        item = places(lines.item, tastes.items)
        profiles = Profiles(user, item, lines.rating, len(names))
        odds, tail = self._learned(tastes, profiles.known())
        low, high = _ends(tastes)
        known, m = item >= 0, len(tastes.items)
        none = np.zeros(0, np.uint64)
        return Market(
            tastes,
            tastes.pulls(),
            odds,
            tail,
            np.bincount(item[known & (lines.rating >= high)], minlength=m),
            np.bincount(item[known & (lines.rating <= low)], minlength=m),
            Acquaintances.of(names),
            0,
            none,
            none,
            np.zeros(0),
            np.zeros(0, np.int64),
            none,
            np.zeros(0),
            none,
            np.zeros(0),
        )

    def judge(self, batch: Batch, state: Market) -> tuple[Floats, Market]:
        if not len(state.accused):
            return np.zeros(len(batch)), state
        at = places(user_keys(batch), state.accused)
        return np.where(at >= 0, state.surprise[at], 0.0), state

    def settle(self, window: Batch, admitted: Mask, state: Market) -> Floats:
        users = user_keys(window)
        names, surprise, _ = self._suspects(window, users, state)
        at = places(users, names)
        return np.where(at >= 0, surprise[at], 0.0) if len(names) else np.zeros(len(window))

    def learn(self, window: Batch, admitted: Mask, state: Market) -> Market:
        users = user_keys(window)
        names, surprise, oddness = self._suspects(window, users, state)
        lines = self._gathered(window, users, state)
        recent = lines.when > state.window - self.span + 1
        alive = np.unique(lines.who[recent])
        odd = _merged((state.odd, state.oddness), (names, oddness), oddness >= _ODD)
        kept = places(odd[0], alive) >= 0
        accused = _merged((state.accused, state.surprise), (names, surprise), surprise >= _ODD)
        state.known.meet(users[admitted], state.window)
        return replace(
            state,
            window=state.window + 1,
            who=lines.who[recent],
            item=lines.item[recent],
            rating=lines.rating[recent],
            when=lines.when[recent],
            odd=odd[0][kept],
            oddness=odd[1][kept],
            accused=accused[0],
            surprise=accused[1],
        )

    def explain(self, batch: Batch, row: int, state: Market) -> str:
        users = user_keys(batch)
        own = users == users[row]
        names, _, oddness = self._suspects(batch.take(own), users[own], state)
        if not len(names):
            return "its user was no newcomer, and does not choose items as honest users do"
        odd = f"its user's items look drawn by lot (one honest user in {10 ** oddness[0]:.0f})"
        return odd if oddness[0] >= 3 else f"{odd}, or others as odd agree with him on an item"

    def _learned(self, tastes: Tastes, profiles: Profiles) -> tuple[Odds, Tail]:
        """The model of all trusted users, and a tail of what halves say of each other."""
        sizes = np.bincount(profiles.user, minlength=profiles.users)
        rng = np.random.default_rng(self.seed)
        few = min(self.few, max(int(sizes.max(initial=0)), 1))
        honest = chosen(begun(profiles, sizes, few, rng), sizes >= few)
        sizes = np.bincount(honest.user, minlength=honest.users)
        real = tastes.traits(honest, tastes.pulls(less=1), less=1)
        fake = tastes.traits(tastes.drawn(sizes, rng), tastes.pulls())
        half = np.arange(len(real)) % 2 == 0
        scores = np.zeros(len(real))
        for side in (half, ~half):
            scores[side] = Odds.of(real[~side], fake[~side]).score(real[side])
        return Odds.of(real, fake), Tail.of(scores)

    def _gathered(self, window: Batch, users: Keys, state: Market) -> Lines:
        """What newcomers rated in the last windows and in this one."""
        new = state.known.new(users, state.window - self.young)
        here = _lines(window.take(new), users[new], state.window)
        return Lines(*(np.concatenate(both) for both in zip(state.lines, here, strict=True)))

    def _suspects(self, window: Batch, users: Keys, state: Market) -> tuple[Keys, Floats, Floats]:
        """The newcomers of this window, rising: surprise in all, and of the profile alone."""
        lines = self._gathered(window, users, state)
        lines = _only(lines, places(lines.who, np.unique(users)) >= 0)
        names, user = np.unique(lines.who, return_inverse=True)
        item = places(lines.item, state.tastes.items)
        profiles = Profiles(user, item, lines.rating, len(names)).known()
        sizes = np.bincount(profiles.user, minlength=len(names))
        oddness = np.zeros(len(names))
        if (sizes >= self.few).any():
            some = chosen(profiles, sizes >= self.few)
            traits = state.tastes.traits(some, state.pulls)
            oddness[sizes >= self.few] = state.tail.surprise(state.odds.score(traits))
        together = self._together(lines, names, oddness, state)
        surprise = np.maximum(oddness, together) - np.log10(2)
        return names, np.maximum(surprise, 0.0), oddness

    def _together(self, lines: Lines, names: Keys, oddness: Floats, state: Market) -> Floats:
        """(names,) how surprising it is to be so odd, and to agree with others as odd."""
        odd, _ = _merged((state.odd, state.oddness), (names, oddness), oddness >= _ODD)
        every = Lines(*(np.concatenate(both) for both in zip(state.lines, lines, strict=True)))
        others = len(np.unique(every.who)) - len(odd)
        worst, tried = np.zeros(len(names)), np.ones(len(names))
        low, high = _ends(state.tastes)
        ends = (every.rating >= high, state.praised), (every.rating <= low, state.damned)
        for chosen_end, honest in ends:
            pairs = np.unique(np.stack([every.item, every.who])[:, chosen_end], axis=1)
            items, at = np.unique(pairs[0], return_inverse=True)
            marked = places(pairs[1], odd) >= 0
            many = np.bincount(at, marked, len(items)).astype(np.int64)
            rest = np.bincount(at, ~marked, len(items)).astype(np.int64)
            place = places(items, state.tastes.items)
            usual = np.where(place >= 0, honest[place], 0) if len(honest) else 0 * place
            agree = agreement(many, len(odd), usual + rest, state.tastes.users + others)
            agree[many < 2] = 0.0
            own = places(pairs[1], names)
            np.maximum.at(worst, own[own >= 0], agree[at][own >= 0])
            np.add.at(tried, own[own >= 0], 1)
        paid = worst - np.log10(tried)
        return np.where((oddness >= _ODD) & (paid > 0), _ODD + paid, 0.0)


def _lines(batch: Batch, users: Keys, window: int) -> Lines:
    """Ratings, the first of each item by each user; those that are no number do not count."""
    rating = np.asarray(batch["rating"], np.float64)
    item = hashed(batch.arrow("item"))
    fine = np.flatnonzero(np.isfinite(rating))
    _, first = np.unique(np.stack([users[fine], item[fine]]), axis=1, return_index=True)
    at = fine[np.sort(first)]
    return Lines(users[at], item[at], rating[at], np.full(len(at), window))


def _only(lines: Lines, rows: Mask) -> Lines:
    return Lines(lines.who[rows], lines.item[rows], lines.rating[rows], lines.when[rows])


def _ends(tastes: Tastes) -> tuple[float, float]:
    """Up to which a rating damns, from which on it praises."""
    _, _, low, high = tastes.usual
    margin = _EXTREME * (high - low)
    return low + margin, high - margin


def _merged(
    old: tuple[Keys, Floats], new: tuple[Keys, Floats], chosen_ones: Mask
) -> tuple[Keys, Floats]:
    """Users and how odd each is, as last seen; keys rise; the oddest if there are too many."""
    stay = ~np.isin(old[0], new[0])
    keys = np.concatenate([old[0][stay], new[0][chosen_ones]])
    values = np.concatenate([old[1][stay], new[1][chosen_ones]])
    kept = np.argsort(-values, kind="stable")[:_REMEMBERED]
    kept = kept[np.argsort(keys[kept])]
    return keys[kept], values[kept]
