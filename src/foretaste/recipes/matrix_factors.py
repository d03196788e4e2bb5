"""Ratings as a sum: what is usual, the user, the item, and how the tastes of the two agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints

_FIRM = 5.0  # ratings that a user or an item is believed to have had before the first


@dataclass(frozen=True)
class Factors:
    """A trained recommender; of unknown users and items it says what is usual."""

    users: Mapping[str, int]
    items: Mapping[str, int]
    usual: float
    leaning: tuple[Floats, Floats]  # (users + 1,), (items + 1,) above or below the usual
    tastes: tuple[Floats, Floats]  # (users + 1, rank), (items + 1, rank); the last are strangers
    scale: tuple[float, float]  # the lowest and highest rating there was

    def predict(self, rows: Batch) -> Floats:
        """(n,) the rating that each user would give to that item."""
        user, item = _places(self.users, rows["user"]), _places(self.items, rows["item"])
        agreed = np.einsum("nr,nr->n", self.tastes[0][user], self.tastes[1][item])
        leaning = self.leaning[0][user] + self.leaning[1][item]
        return np.clip(self.usual + leaning + agreed, *self.scale)


@dataclass(frozen=True)
class MatrixFactors:
    """Learns a few tastes of each user and item by alternating least squares.

    rank: tastes
    firm: how many ratings a taste must outweigh; more is more cautious
    sweeps: times that users and items are solved for by turns

    The quality is minus the root of the mean squared error, in the unit of the ratings.

    Needs `user` and `item` (n,) of strings and `rating` (n,).

    >>> user, item = np.repeat(["ann", "bob", "cy"], 4), np.tile(["w", "x", "y", "z"], 3)
    >>> rating = [5.0, 5.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0, 1.0, 1.0]
    >>> rows = Batch(range(12), {"user": user.tolist(), "item": item.tolist(), "rating": rating})
    >>> recipe = MatrixFactors(rank=1, firm=0.1)
    >>> recipe.train(rows.take(np.arange(11)), seed=0).predict(rows)[-2:].round().tolist()
    [1.0, 2.0]

    References
    ----------
    Zhou et al. (2008). Large-Scale Parallel Collaborative Filtering for the Netflix Prize.
    doi:10.1007/978-3-540-68880-8_32
    """

    rank: int = 8
    firm: float = 12.0
    sweeps: int = 10

    needs: ClassVar = ("user", "item", "rating")
    measure: ClassVar = "minus the root mean squared error"

    def train(self, rows: Batch, seed: int) -> Factors:
        users, user = np.unique(rows["user"].astype(str), return_inverse=True)
        items, item = np.unique(rows["item"].astype(str), return_inverse=True)
        rating = np.asarray(rows["rating"], np.float64)
        usual = float(rating.mean()) if len(rating) else 0.0
        item_leaning = _leaning(rating - usual, item, len(items))
        user_leaning = _leaning(rating - usual - item_leaning[item], user, len(users))
        left = rating - usual - item_leaning[item] - user_leaning[user]
        rng = np.random.default_rng(seed)
        tastes = [0.1 * rng.standard_normal((len(names), self.rank)) for names in (users, items)]
        for _ in range(self.sweeps):
            tastes[0] = self._solved(left, user, item, tastes[1], len(users))
            tastes[1] = self._solved(left, item, user, tastes[0], len(items))
        return Factors(
            {str(name): at for at, name in enumerate(users)},
            {str(name): at for at, name in enumerate(items)},
            usual,
            (np.append(user_leaning, 0.0), np.append(item_leaning, 0.0)),
            (np.pad(tastes[0], ((0, 1), (0, 0))), np.pad(tastes[1], ((0, 1), (0, 0)))),
            (float(rating.min(initial=usual)), float(rating.max(initial=usual))),
        )

    def quality(self, outcomes: Array, rows: Batch) -> float:
        known = np.isfinite(rows["rating"])
        if not known.any():
            return float("nan")
        return -float(np.sqrt(np.mean((outcomes[known] - rows["rating"][known]) ** 2)))

    def _solved(self, left: Floats, of: Ints, by: Ints, tastes: Floats, count: int) -> Floats:
        """(count, rank) the tastes of one side that fit best, those of the other given."""
        order = np.argsort(of, kind="stable")
        ends = np.searchsorted(of[order], np.arange(count + 1))
        seen, said = tastes[by[order]], left[order]
        caution = self.firm * np.eye(self.rank)
        solved = np.zeros((count, self.rank))
        for one in range(count):
            part = slice(ends[one], ends[one + 1])
            known = seen[part]
            solved[one] = np.linalg.solve(known.T @ known + caution, known.T @ said[part])
        return solved


def _leaning(left: Floats, of: Ints, count: int) -> Floats:
    sums, seen = np.bincount(of, left, count), np.bincount(of, minlength=count)
    leaning: Floats = sums / (seen + _FIRM)
    return leaning


def _places(names: Mapping[str, int], asked: Array) -> Ints:
    """Where each name stands; -1 for strangers."""
    return np.array([names.get(str(name), -1) for name in asked], np.int64)
