"""Finds invented users who agree on one item and on nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries import content
from foretaste.summaries.choices import Choices

MOST_SURPRISE = 300.0  # beyond it a p-value is no longer a number
_CERTAIN = 2.0  # -log10 of the chance from which on a group is one
_FIRST, _STEP = 8, 1.25  # users in the smallest set tried, and how much larger the next one is
_COST = 2.0  # found users that one expected by chance outweighs, when a set is made larger


class Group(NamedTuple):
    """Users whose choices have nothing in common but that they praise, or damn, one item."""

    surprise: float  # -log10 of the p-value, for all items, ends of the scale and sets tried
    item: str
    pushed: bool
    users: int
    expected: float  # of so many such users, how many would, if they were like all others


@dataclass(frozen=True)
class Ratings:
    """Frames of user, item, rating; grows with the rows."""

    parts: tuple[pl.DataFrame, ...]

    def merge(self, other: Ratings) -> Ratings:
        return Ratings(self.parts + other.parts)


@dataclass(frozen=True)
class RatingProfile:
    """Suspects users who rate one item at the end of the scale and else choose items by no taste.

    Real users share tastes: what one has rated overlaps with what others have much more, or much
    less, than chance makes it; what an attacker fills profiles with overlaps by chance. So each
    user is first judged by the choice of items alone: the squared deviations of overlaps with
    `reference` other users, over their variance were each rating drawn by the activity of the
    user and the popularity of the item. That is 1 where items are drawn by lot, and above 2.2 for
    95 % of the users of MovieLens. Users below `spread` who have rated at least `few` items show
    no taste. Such users have no reason to agree. So for each item and each end of the scale it
    counts how many of the least natural ones rate it so, against the share they have in all who
    rate the item, and against items rated so as often. The score, the same for all rows of a
    user of such a group of `least` and more, is -log10 of the chance (binomial, widened by how
    much items differ), for all items, ends and numbers of least natural users tried. Groups are
    found one by one, each among the users left; the number of profiles is not told. Passers-by
    whom a campaign brought to one item look as invented users do.

    Remembers user, item and rating of every row.

    Blind to fewer than `least` profiles or such of fewer than `few` ratings, to those copied from
    real users or filled with half of all popular items, to targets rated short of the end of the
    scale, and to a few profiles that push what most users praise anyway.

    Needs `user` and `item` (n,) of strings, and `rating` (n,).

    >>> rng = np.random.default_rng(0)
    >>> taste = np.repeat([0, 1], 60)
    >>> seen = rng.random((120, 80)) < np.where(taste[:, None] == np.arange(80) % 2, 0.5, 0.1)
    >>> seen = np.vstack([seen, rng.random((12, 80)) < 0.3])
    >>> seen[:120, 7], seen[120:, 7] = False, True
    >>> user, item = np.nonzero(seen)
    >>> rating = np.where((user >= 120) & (item == 7), 5.0, rng.integers(1, 6, len(user)))
    >>> names = {"user": [f"u{i}" for i in user], "item": [f"i{i}" for i in item]}
    >>> rows = Batch(map(str, range(len(user))), names | {"rating": rating})
    >>> model = RatingProfile().fit(RatingProfile().summarize(rows))
    >>> scores = RatingProfile().score(rows, model)
    >>> bool(scores[user < 120].max() == 0), bool(scores[user >= 120].min() > 4)
    (True, True)

    References
    ----------
    Mehta, Nejdl (2009). Unsupervised strategies for shilling detection and robust collaborative
    filtering. doi:10.1007/s11257-008-9050-4
    Zhou et al. (2018). Shilling attack detection for recommender systems based on credibility of
    group users and rating time series. doi:10.1371/journal.pone.0196533
    """

    least: int = 5
    few: int = 10
    spread: float = 2.0
    reference: int = 1000
    seed: int = 0

    needs: ClassVar = ("user", "item", "rating")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE

    def summarize(self, batch: Batch) -> Ratings:
        if not len(batch):
            return Ratings(())
        rating = np.asarray(batch["rating"], np.float64)
        known = pl.col("user").is_not_null() & pl.col("item").is_not_null()
        lines = pl.DataFrame(
            {
                "user": content.column(batch, "user", pl.String()),
                "item": content.column(batch, "item", pl.String()),
                "rating": rating,
            }
        )
        return Ratings((lines.filter(known & pl.col("rating").is_finite()),))

    def fit(self, summary: Ratings) -> dict[str, Group]:
        lines = pl.concat(summary.parts) if summary.parts else pl.DataFrame()
        model: dict[str, Group] = {}
        while len(lines):
            group, users = self._strongest(lines)
            if group.surprise < _CERTAIN:
                break
            model |= dict.fromkeys(users, group)
            lines = lines.filter(~pl.col("user").is_in(users))
        return model

    def score(self, batch: Batch, model: dict[str, Group]) -> Floats:
        if not model:
            return np.zeros(len(batch))
        groups = (model.get(user) for user in content.column(batch, "user", pl.String()))
        return np.array([group.surprise if group else 0.0 for group in groups], np.float64)

    def explain(self, batch: Batch, row: int, model: dict[str, Group]) -> str:
        group = model.get(content.column(batch.take([row]), "user", pl.String())[0])
        if group is None:
            return "its user chooses items as others do, or agrees with nobody on one"
        item, rating = " ".join(group.item.split())[:80], "highest" if group.pushed else "lowest"
        return (
            f"one of {group.users} users who give item {item} the {rating} rating and whose other "
            f"items look drawn by lot; {group.expected:.1f} were to be expected"
        )

    def _strongest(self, lines: pl.DataFrame) -> tuple[Group, list[str]]:
        """The group that chance explains least, and its users."""
        choices = Choices.of(lines)
        spread = choices.spread(self.reference, np.random.default_rng(self.seed))
        spread[(choices.sizes < self.few) | (spread > self.spread)] = np.inf
        order = np.argsort(spread, kind="stable")
        odd = int(np.isfinite(spread).sum())
        sizes = list(_sets(odd)) if odd >= self.least else []
        sets = [np.isin(np.arange(len(order)), order[:size]) for size in sizes]
        tried = [(one, end) for one in sets for end in choices.ends]
        agreed = [choices.agreed(end, one, self.least) for one, end in tried]
        tops = [float(surprise.max(initial=0.0)) for surprise, *_ in agreed]
        if not sizes or max(tops) <= np.log10(len(sizes)):
            return Group(0.0, "", True, 0, 0.0), []
        top = int(np.argmax(tops))
        item, end = int(agreed[top][0].argmax()), tried[top][1]
        larger = [t for t in range(top, len(tried)) if tried[t][1] is end]
        last = max(larger, key=lambda t: agreed[t][1][item] - _COST * agreed[t][2][item])
        members = np.flatnonzero(tried[last][0] & choices.raters(end, item))
        group = Group(
            min(tops[top] - float(np.log10(len(sizes))), MOST_SURPRISE),
            choices.items[item],
            end is choices.ends[0],
            len(members),
            float(agreed[last][2][item]),
        )
        return group, [choices.users[at] for at in members]


def _sets(count: int) -> Iterator[int]:
    size = float(min(_FIRST, count))
    while size < count:
        yield int(size)
        size *= _STEP
    yield count
