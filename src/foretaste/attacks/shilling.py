"""Invented users whose ratings make a recommender praise one item, or drop it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as numbers
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import replaced
from foretaste.contracts import Poisoned, Probe
from foretaste.data import Array, Batch, Floats, Ints, Mask, concat
from foretaste.errors import BadInput


class Market(NamedTuple):
    """What an attacker can read off the ratings there are."""

    items: Array  # (m,) names, the most often rated first
    mean: Floats  # (m,) of each item's ratings
    spread: Floats  # (m,)
    usual: tuple[float, float]  # mean and spread of all ratings
    scale: tuple[float, float]  # lowest and highest rating


@dataclass(frozen=True)
class Shilling:
    """Adds `count` ratings, as profiles of new users who rate `filler` items and the target item.

    item: the target
    profile: what filler items get: `random`, ratings as usual over all items; `average`, as usual
        for that item, so that the profile resembles many users; `bandwagon`, the highest for the
        most popular items (a tenth of the filler), the rest as in `random`
    intent: `push`, the target gets the highest rating; or `nuke`, the lowest
    filler: items that a profile rates beside the target, at most
    liked: the prediction from which on an item counts as recommended
    disliked: the prediction up to which it counts as dropped

    A profile is `filler` + 1 ratings, the target's first; the last is cut where `count` ends. 3 %
    of 943 users at 60 fillers are 28 profiles or 1,708 ratings.

    On MovieLens (100,000 ratings, 943 users), 28 average profiles push what `user_neighbours`
    predicts for items of 35, 100 and 230 ratings by 1.4, 0.8 and 0.4 points; random ones by 1.0,
    0.5 and 0.2. `matrix_factors` moves by 0.9, 0.3 and 0.1, and by 1.1 for items of ten and fewer,
    whatever the filler items get: hits on those rise from 6 % to 94 %, and 67 % with 9 profiles.

    The model is shown users, one row each, who have not rated the target as far as the rows given
    tell. A hit is a prediction of `liked` and more (push), or of `disliked` and less (nuke).

    Countered by `rating_profile`, which knows such profiles by items that no taste chose. Of 9, 28
    and 47 profiles on MovieLens, of each kind, with a target of 10 to 260 ratings, recall and
    precision are 0.99 on average (9 bandwagon pushes are missed once in ten tries). With a target
    of 400 and more it finds 28 and 47 as well, 9 that nuke in 14 of 15 tries, 9 that push in 5.
    It does not see profiles copied from real users, nor a target given one rating less than the
    highest; a bound on what new users may change would help against these.

    Needs `user` and `item` (n,) of strings, and `rating` (n,).

    >>> rows = Batch(range(6), {"user": list("aabbcc"), "item": list("wxwxwy"),
    ...     "rating": [4.0, 2.0, 5.0, 1.0, 4.0, 3.0]})
    >>> poisoned, touched = Shilling(count=4, item="y").poison(rows, np.random.default_rng(0))
    >>> new = poisoned.take(touched)
    >>> [new[name].tolist() for name in ("user", "item", "rating")]
    [['1', '1', '1', '2'], ['y', 'w', 'x', 'y'], [5.0, 4.0, 2.0, 5.0]]

    References
    ----------
    Lam, Riedl (2004). Shilling Recommender Systems for Fun and Profit. doi:10.1145/988672.988726
    Mobasher et al. (2007). Toward Trustworthy Recommender Systems: An Analysis of Attack Models
    and Algorithm Robustness. doi:10.1145/1278366.1278372
    """

    count: int
    item: str
    profile: Literal["random", "average", "bandwagon"] = "average"
    intent: Literal["push", "nuke"] = "push"
    filler: int = 60
    liked: float = 4.0
    disliked: float = 2.5
    needs: ClassVar[tuple[str, ...]] = ("user", "item", "rating")
    adds: ClassVar[bool] = True

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int, rng: Generator) -> Self:
        """At an item that a few users have rated, below what is usual; `target` plays no part."""
        market = _market(batch)
        disliked = np.flatnonzero(market.mean <= market.usual[0])
        half = disliked[len(disliked) // 2 :] if len(disliked) > 1 else disliked
        return cls(count, str(market.items[rng.choice(half)]))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        market = _market(batch)
        if self.item not in market.items:
            raise BadInput(f"no rating of the target item {self.item!r} is among the rows")
        lines: list[tuple[str, str, float]] = []
        users = _unused(set(batch["user"]))
        while len(lines) < self.count:
            user = next(users)
            lines += [(user, *rated) for rated in self._profile(market, rng)]
        lines = lines[: self.count]
        donors = batch.take(rng.integers(0, len(batch), self.count))
        columns: dict[str, Any] = {
            "user": np.array([line[0] for line in lines], object),
            "item": np.array([line[1] for line in lines], object),
            "rating": np.array([line[2] for line in lines], np.float64),
        }
        if "index" in batch:
            columns["index"] = batch["index"].max(initial=-1) + 1 + np.arange(self.count)
        new = len(batch) + np.arange(self.count)
        return replaced(concat([batch, donors]), new, **columns)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        rated = set(rows["user"][rows["item"] == self.item])
        users, first = np.unique(rows["user"].astype(str), return_index=True)
        asked = rows.take(first[[user not in rated for user in users]])
        return Probe(asked.having(item=[self.item] * len(asked)), self._hit)

    def _hit(self, outcomes: Array) -> Mask:
        pushed = self.intent == "push"
        return np.asarray(outcomes >= self.liked if pushed else outcomes <= self.disliked)

    def _profile(self, market: Market, rng: Generator) -> Iterator[tuple[str, float]]:
        yield self.item, market.scale[self.intent == "push"]
        others = np.flatnonzero(market.items != self.item)
        size = min(self.filler, len(others))
        popular: Ints = others[: -(-size // 10) if self.profile == "bandwagon" else 0]
        yield from ((str(market.items[one]), market.scale[1]) for one in popular)
        rest = rng.choice(others[len(popular) :], size - len(popular), replace=False)
        usual = market.usual
        if self.profile == "average":
            usual = market.mean[rest], market.spread[rest]
        drawn = np.clip(np.round(rng.normal(*usual, len(rest))), *market.scale)
        yield from zip(market.items[rest].tolist(), drawn.tolist(), strict=True)


def _market(batch: Batch) -> Market:
    items, item, rows = np.unique(
        batch["item"].astype(str), return_inverse=True, return_counts=True
    )
    rating = np.asarray(batch["rating"], np.float64)
    mean = np.bincount(item, rating) / rows
    spread = np.sqrt(np.bincount(item, (rating - mean[item]) ** 2) / rows)
    order = np.argsort(-rows, kind="stable")
    scale = float(rating.min()), float(rating.max())
    usual = float(rating.mean()), float(rating.std())
    return Market(items[order], mean[order], spread[order], usual, scale)


def _unused(taken: set[str]) -> Iterator[str]:
    return (str(number) for number in numbers(1) if str(number) not in taken)
