"""Who has rated which items, how likely that was, and who did so like nobody else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix
from scipy.stats import binom

from foretaste.data import Floats, Ints, Mask

_EXTREME = 0.2  # of the scale, at either end
_ROUNDS = 30  # of fitting how many choose what
_AT_ONCE = 4096  # users compared with the reference users
_ALIKE = 100  # items that are rated about as often
_TRIMMED = 0.01  # of the items, which do not count for how much items differ


class Choices(NamedTuple):
    """Who has rated what, and how likely that was.

    Users of equally many ratings are one class, and so are items: the chance that a user has rated
    an item is p / (1 - p) = a b, with a and b such that each class has as many as it has.
    """

    users: list[str]
    items: list[str]
    rated: csr_matrix  # (users, items)
    ends: tuple[csr_matrix, ...]  # (items, users) with the highest ratings; with the lowest
    sizes: Floats  # (users,) items that each has rated
    user_class: Ints  # (users,)
    item_class: Ints  # (items,)
    chance: Floats  # (user classes, item classes) of having rated

    @classmethod
    def of(cls, lines: pl.DataFrame) -> Choices:
        """Of user, item and rating; who rates an item again stands between his own ratings."""
        rating = pl.col("rating")
        lines = lines.group_by("user", "item").agg((rating.min() + rating.max()) / 2)
        users, user = _codes(lines["user"])
        items, item = _codes(lines["item"])
        given = lines["rating"].to_numpy()
        low, high = float(given.min()), float(given.max())
        margin = _EXTREME * (high - low)
        shape = len(items), len(users)
        ends = [_marked(item, user, given >= high - margin, shape)]
        if high > low:
            ends.append(_marked(item, user, given <= low + margin, shape))
        rated = _marked(item, user, np.ones(len(user), bool), shape).T.tocsr()
        sizes, raters = _sums(rated, 1), _sums(rated, 0)
        of_user, user_class, users_alike = np.unique(sizes, False, True, True)
        of_item, item_class, items_alike = np.unique(raters, False, True, True)
        chance = _fitted(of_user, users_alike, of_item, items_alike)
        return cls(users, items, rated, tuple(ends), sizes, user_class, item_class, chance)

    def spread(self, reference: int, rng: np.random.Generator) -> Floats:
        """(users,) squared deviations of overlaps with others, over their variance by chance."""
        count = len(self.users)
        others = np.sort(rng.permutation(count)[:reference])
        chance = self.chance[self.user_class[others]]
        theirs = self.rated[others].T.tocsr()
        kinds = csr_matrix(
            (self.rated.data, self.item_class[self.rated.indices], self.rated.indptr),
            shape=(count, self.chance.shape[1]),
        )
        ratios: list[Floats] = []
        for start in range(0, count, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            overlap = (self.rated[part] @ theirs).toarray()
            usual, variance = kinds[part] @ chance.T, kinds[part] @ (chance * (1 - chance)).T
            other = others != np.arange(count)[part, None]
            squares = ((overlap - usual) ** 2 * other).sum(axis=1)
            ratios.append(squares / np.maximum((variance * other).sum(axis=1), 1e-9))
        return np.concatenate(ratios)

    def agreed(self, end: csr_matrix, chosen: Mask, least: int) -> tuple[Floats, Floats, Floats]:
        """(items,) each: -log10 p of how many of the chosen rate it so, how many, and by chance.

        By chance they are as large a share of those who rate an item so as of those who rate it;
        and no fewer than rate so another item that is rated so about as often.
        """
        alike, classes = len(self.chance), self.user_class
        some, everyone = (np.bincount(of, minlength=alike) for of in (classes[chosen], classes))
        shares = (some @ self.chance) / np.maximum(everyone @ self.chance, 1e-12)
        share, total, count = shares[self.item_class], _sums(end, 1), end @ chosen
        most, size = np.minimum(total, chosen.sum()), int(chosen.sum())
        expected = np.minimum(np.maximum(total * share, _near(total, count)), most)
        # Draws without replacement: drawn with it, from either side, so many are likelier.
        chances = [binom.logsf(count - 1, n, expected / np.maximum(n, 1)) for n in (total, size)]
        logs = -np.minimum(*chances) / np.log(10)
        surprise = logs / _width(count - expected, expected * (1 - expected / max(size, 1)))
        surprise -= np.log10(max(int((total > 0).sum()), 1) * len(self.ends))
        surprise[(count < least) | (count < 2 * expected)] = 0.0
        return surprise, count, expected

    def raters(self, end: csr_matrix, item: int) -> Mask:
        """(users,) who of them rates the item so."""
        raters = np.zeros(len(self.users), bool)
        raters[end.indices[end.indptr[item] : end.indptr[item + 1]]] = True
        return raters


def _codes(names: pl.Series) -> tuple[list[str], Ints]:
    distinct = names.unique().sort()
    codes = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).to_numpy()
    return distinct.to_list(), codes


def _marked(item: Ints, user: Ints, chosen: Mask, shape: tuple[int, int]) -> csr_matrix:
    """(items, users) 1 where one of the chosen rows says so."""
    return csr_matrix((np.ones(int(chosen.sum())), (item[chosen], user[chosen])), shape=shape)


def _sums(matrix: csr_matrix, axis: int) -> Floats:
    return np.asarray(matrix.sum(axis=axis), np.float64).ravel()


def _fitted(of_user: Floats, users: Ints, of_item: Floats, items: Ints) -> Floats:
    total = np.sqrt(max(float(of_user @ users), 1.0))
    a, b = of_user / total, of_item / total
    for _ in range(_ROUNDS):
        a = of_user / ((b / (1 + np.outer(a, b))) @ items)
        b = of_item / (users @ (a[:, None] / (1 + np.outer(a, b))))
    odds = np.outer(a, b)
    chance: Floats = odds / (1 + odds)
    return chance


def _near(total: Floats, count: Floats) -> Floats:
    """(items,) how many of the chosen rate another item so, of the items as often rated so."""
    place = np.empty(len(total), np.int64)
    place[np.argsort(total, kind="stable")] = np.arange(len(total))
    group = place * max(1, len(total) // _ALIKE) // max(len(total), 1)
    sums, sizes = np.bincount(group, count), np.bincount(group)
    near: Floats = (sums[group] - count) / np.maximum(sizes[group] - 1, 1)
    return near


def _width(excess: Floats, variance: Floats) -> float:
    """How much wider than by chance counts are spread over items, but for the furthest; from 1."""
    order = np.argsort(excess**2 / np.maximum(variance, 1e-9))
    kept = order[: len(order) - max(1, int(_TRIMMED * len(order)))]
    return max(1.0, float((excess[kept] ** 2).sum() / max(variance[kept].sum(), 1e-9)))
