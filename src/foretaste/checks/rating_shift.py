"""An item that newcomers rate otherwise than those who rated it before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.newcomers import Acquaintances, agreement, user_keys
from foretaste.streaming import Aspect
from foretaste.summaries.content import hashed
from foretaste.summaries.tastes import places

_EXTREME = 0.2  # of the scale, at either end
_MIDDLE, _LOW, _HIGH = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Opinions:
    """How each item was rated by honest users, and lately by newcomers.

    items: (m,) keys, rising; honest: (m, 3) users by how they rated it: between, low, high
    ends: up to which a rating is low, from which on it is high
    known: users by when they came
    window: number of the open window
    who, item, end, when: (r,) ratings by newcomers in the last windows
    """

    items: Keys
    honest: Ints
    ends: tuple[float, float]
    known: Acquaintances
    window: int
    who: Keys
    item: Keys
    end: Ints
    when: Ints


@dataclass(frozen=True)
class RatingShift:
    """Holds ratings at the end of the scale that newcomers give an item and others did not.

    Of those who rated an item, honest users and the newcomers of the last windows, some gave it
    the highest rating. If newcomers are as others are, each of these is a newcomer as likely as
    any; so it does not matter how popular the item is, nor whether it became so just now. The same
    for the lowest. It sees what `rating_profile` cannot, profiles copied from real users, once
    there are enough; and holds of such a user only the rating that the profile is for.

    young: windows after which a newcomer is none
    span: windows of which ratings by newcomers are remembered
    least: newcomers who agree; fewer are no shift

    Remembers what newcomers rated in the last `span` windows and 131,072 users, beside three
    counts for each item of trusted rows.

    Blind to items that few honest users have rated, to targets rated short of the end of the
    scale, to the first profiles of a campaign. Holds newcomers who are right about an item that
    has become worse, until trusted rows are renewed.

    Needs `user` and `item` (n,) and `rating` (n,).

    >>> def rows(users, ratings):
    ...     return Batch(map(str, range(len(users))), {"user": users, "rating": ratings,
    ...         "item": ["film"] * len(users)})
    >>> check = RatingShift()
    >>> state = check.start(rows([f"u{i}" for i in range(40)], [2.0, 3.0, 4.0, 5.0] * 10))
    >>> crowd = rows([f"g{i}" for i in range(12)], [5.0] * 12)
    >>> check.settle(crowd, np.ones(12, bool), state).round(1)[:2].tolist()
    [2.9, 2.9]

    References
    ----------
    Zhou et al. (2018). Shilling attack detection for recommender systems based on credibility of
    group users and rating time series. doi:10.1371/journal.pone.0196533
    """

    young: int = 10
    span: int = 10
    least: int = 4

    needs: ClassVar = ("user", "item", "rating")
    aspect: ClassVar = Aspect.INTEGRITY

    def start(self, trusted: Batch) -> Opinions:
        rating = np.asarray(trusted["rating"], np.float64)
        known = rating[np.isfinite(rating)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        margin = _EXTREME * (high - low)
        ends = low + margin, high - margin
        item = hashed(trusted.arrow("item"))
        items, at = np.unique(item, return_inverse=True)
        honest = np.zeros((len(items), 3), np.int64)
        np.add.at(honest, (at, _ends(rating, ends)), 1)
        none, no_one = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        users = Acquaintances.of(user_keys(trusted))
        return Opinions(items, honest, ends, users, 0, no_one, no_one, none, none)

    def judge(self, batch: Batch, state: Opinions) -> tuple[Floats, Opinions]:
        return np.zeros(len(batch)), state

    def settle(self, window: Batch, admitted: Mask, state: Opinions) -> Floats:
        users = user_keys(window)
        new = self._new(users, state)
        surprise = np.zeros(len(window))
        who, item, end, _ = self._gathered(window, users, new, state)
        here = np.flatnonzero(new)
        own = hashed(window.arrow("item"))[here]
        ends = _ends(np.asarray(window["rating"], np.float64)[here], state.ends)
        surprise[here] = self._shifted(own, ends, (who, item, end), state)
        return surprise

    def learn(self, window: Batch, admitted: Mask, state: Opinions) -> Opinions:
        users = user_keys(window)
        gathered = self._gathered(window, users, self._new(users, state), state)
        recent = gathered[3] > state.window - self.span + 1
        state.known.meet(users[admitted], state.window)
        return replace(
            state,
            window=state.window + 1,
            who=gathered[0][recent],
            item=gathered[1][recent],
            end=gathered[2][recent],
            when=gathered[3][recent],
        )

    def explain(self, batch: Batch, row: int, state: Opinions) -> str:
        rating = float(batch["rating"][row])
        end = _ends(np.array([rating]), state.ends)[0]
        at = places(hashed(batch.take([row]).arrow("item")), state.items)[0]
        name = " ".join(str(batch["item"][row]).split())[:80]
        if at < 0 or end == _MIDDLE:
            return f"newcomers rate item {name!r} otherwise than others did"
        honest = state.honest[at]
        told = {_LOW: "low", _HIGH: "high"}[int(end)]
        return (
            f"many newcomers rate item {name!r} as {told} as {rating:g}, as did "
            f"{honest[end]} of {honest.sum()} honest users"
        )

    def _new(self, users: Keys, state: Opinions) -> Mask:
        return state.known.new(users, state.window - self.young)

    def _gathered(
        self, window: Batch, users: Keys, new: Mask, state: Opinions
    ) -> tuple[Keys, Keys, Ints, Ints]:
        """User, item, end and window of what newcomers rated lately and now."""
        rating = np.asarray(window["rating"], np.float64)[new]
        item = hashed(window.arrow("item"))[new]
        return (
            np.concatenate([state.who, users[new]]),
            np.concatenate([state.item, item]),
            np.concatenate([state.end, _ends(rating, state.ends)]),
            np.concatenate([state.when, np.full(int(new.sum()), state.window)]),
        )

    def _shifted(
        self, own: Keys, ends: Ints, lately: tuple[Keys, Keys, Ints], state: Opinions
    ) -> Floats:
        """(n,) how surprising it is that so many newcomers gave an item such a rating."""
        who, item, end = lately
        asked = np.unique(own)
        at = places(item, asked)
        kept = at >= 0
        pairs = np.unique(np.stack([at[kept], end[kept], who[kept]]).astype(np.uint64), axis=1)
        told = np.zeros((len(asked), 3), np.int64)
        np.add.at(told, (pairs[0].astype(np.int64), pairs[1].astype(np.int64)), 1)
        place = places(asked, state.items)
        known = len(state.honest) and place >= 0
        honest = np.where(np.reshape(known, (-1, 1)), state.honest[place], 0)
        worst = np.zeros((len(asked), 3))
        for one in (_LOW, _HIGH):
            many = told[:, one]
            odd = agreement(many, told.sum(axis=1), honest[:, one], honest.sum(axis=1))
            worst[:, one] = np.where(many >= self.least, odd, 0.0)
        return worst[places(own, asked), ends]


def _ends(rating: Floats, ends: tuple[float, float]) -> Ints:
    """(n,) 1 at the low end, 2 at the high end, 0 between and where it is no number."""
    found = np.where(rating <= ends[0], _LOW, np.where(rating >= ends[1], _HIGH, _MIDDLE))
    return np.where(np.isfinite(rating), found, _MIDDLE)
