"""How the items that a user rates go together, beside how those go together that lots draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from foretaste.data import Array, Floats, Ints, Keys, Mask

ITEMS = 2_000  # of trusted rows that are known, the most often rated; their pairs take 32 MB
_FIRM = 3.0  # ratings an item is believed to have had, as usual, before the first
_FEW = 5  # raters; an item with fewer is rare
_STEPS, _RIDGE = 15, 1.0
_POPULAR = 0.1  # of a bandwagon profile


class Profiles(NamedTuple):
    """Ratings of several users, user by user; items by place, -1 for those not known."""

    user: Ints  # (r,) place of the user
    item: Ints  # (r,)
    rating: Floats  # (r,)
    users: int

    def known(self) -> Profiles:
        """Without the items that are not known."""
        kept = self.item >= 0
        return Profiles(self.user[kept], self.item[kept], self.rating[kept], self.users)


@dataclass(frozen=True, eq=False)
class Tastes:
    """What honest users rate together, and how.

    items: (m,) keys, rising
    raters: (m,) users who rated each
    together: (m, m) float32 users who rated both
    mean, spread: (m,) of its ratings
    usual: mean and spread of all ratings, the lowest and the highest
    users: in all
    """

    items: Keys
    raters: Floats
    together: Array
    mean: Floats
    spread: Floats
    usual: tuple[float, float, float, float]
    users: int

    @classmethod
    def of(cls, user: Ints, item: Keys, rating: Floats) -> Self:
        """user: (r,) places; each user rates an item once"""
        items, many = np.unique(item, return_counts=True)
        items = np.sort(items[np.argsort(-many, kind="stable")[:ITEMS]])
        at = places(item, items)
        kept = at >= 0
        users, size = int(user.max(initial=-1)) + 1, len(items)
        ones = np.ones(int(kept.sum()), np.float32)
        rated = csr_matrix((ones, (user[kept], at[kept])), shape=(users, size))
        raters = np.bincount(at[kept], minlength=size).astype(np.float64)
        usual = float(rating.mean()), float(rating.std())
        mean = (np.bincount(at[kept], rating[kept], size) + _FIRM * usual[0]) / (raters + _FIRM)
        away = np.bincount(at[kept], (rating[kept] - mean[at[kept]]) ** 2, size)
        spread = np.sqrt((away + _FIRM * usual[1] ** 2) / (raters + _FIRM))
        ends = float(rating.min()), float(rating.max())
        together = np.asarray((rated.T @ rated).todense(), np.float32)
        return cls(items, raters, together, mean, spread, (*usual, *ends), users)

    def pulls(self, less: int = 0) -> Array:
        """(m, m) how much more often two items are rated together than by chance; 0 with itself.

        less: 1 to leave out one user who has rated all of them
        """
        users = max(self.users - less, 1)
        raters = np.maximum(self.raters - less, 0)
        expected = np.outer(raters, raters) / users
        pulls = ((self.together - less - expected) / np.sqrt(expected + 0.1)).astype(np.float32)
        np.fill_diagonal(pulls, 0)
        return pulls

    def traits(self, profiles: Profiles, pulls: Array, less: int = 0) -> Floats:
        """(users, 10) what each profile is like, whoever made it; profiles of known items."""
        user, item, rating, users = profiles
        size = np.maximum(np.bincount(user, minlength=users), 1)

        def mean(values: Floats | Mask) -> Floats:
            return np.asarray(np.bincount(user, values, users) / size)

        rated = csr_matrix((np.ones(len(user), np.float32), (user, item)), (users, len(self.items)))
        pairs = np.asarray((rated @ pulls)[user, item], np.float64).ravel()
        popular = np.log(np.maximum(self.raters[item] - less, 0) + 0.5)
        away, own = rating - self.mean[item], rating - mean(rating)[user]
        bias, level = mean(away), mean(self.mean[item])
        other = self.mean[item] - level[user]
        alike = mean(own * other) / np.sqrt(mean(own**2) * mean(other**2) + 1e-3)
        traits = [
            mean(popular),
            np.sqrt(np.maximum(mean(popular**2) - mean(popular) ** 2, 0)),
            mean(pairs) / np.maximum(size - 1, 1),
            mean(self.raters[item] - less < _FEW),
            bias,
            np.sqrt(mean((away - bias[user]) ** 2)),
            alike,
            mean(rating >= self.usual[3]),
            mean(rating <= self.usual[2]),
            np.log(size),
        ]
        return np.stack(traits, axis=1)

    def drawn(self, sizes: Ints, rng: Generator) -> Profiles:
        """Profiles as attackers fill them: items by lot; ratings as usual, or as of that item."""
        users, items, ratings = [], [], []
        order = np.argsort(-self.raters, kind="stable")
        middle, width, low, high = self.usual
        for user, size in enumerate(np.minimum(sizes, len(self.items)).tolist()):
            kind = user % 3
            popular = order[: -(-size // 10)] if kind == 2 else order[:0]
            rest = rng.permutation(np.setdiff1d(order, popular))[: size - len(popular)]
            own = kind == 1
            given = rng.normal(size=len(rest)) * (self.spread[rest] if own else width)
            given = np.clip(np.round(given + (self.mean[rest] if own else middle)), low, high)
            users.append(np.full(size, user))
            items.append(np.concatenate([popular, rest]))
            ratings.append(np.concatenate([np.full(len(popular), high), given]))
        return Profiles(
            np.concatenate(users), np.concatenate(items), np.concatenate(ratings), len(sizes)
        )


@dataclass(frozen=True, eq=False)
class Odds:
    """How much more a profile looks drawn by lot than made by taste; linear in its traits."""

    centre: Floats
    width: Floats
    weights: Floats  # (1 + traits and their squares,)

    @classmethod
    def of(cls, honest: Floats, drawn: Floats) -> Self:
        """By logistic regression, with as much weight on the honest as on the others."""
        both = np.concatenate([honest, drawn])
        centre, width = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-6)
        rows = _expanded((both - centre) / width)
        wanted = np.arange(len(both)) >= len(honest)
        weight = np.where(wanted, 0.5 / max(len(drawn), 1), 0.5 / max(len(honest), 1)) * len(both)
        weights = np.zeros(rows.shape[1])
        for _ in range(_STEPS):
            chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
            steep = weight * chance * (1 - chance)
            slope = rows.T @ (weight * (wanted - chance)) - _RIDGE * weights
            bend = (rows.T * steep) @ rows + _RIDGE * np.eye(len(weights))
            weights = weights + np.linalg.solve(bend, slope)
        return cls(centre, width, weights)

    def score(self, traits: Floats) -> Floats:
        """(users,) log-odds."""
        found: Floats = _expanded((traits - self.centre) / self.width) @ self.weights
        return found


def places(keys: Keys, known: Keys) -> Ints:
    """(n,) where each key stands among those known, which rise; -1 for others."""
    if not len(known):
        return np.full(len(keys), -1)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, at, -1)


def chosen(profiles: Profiles, users: Mask) -> Profiles:
    """The profiles of some users, with places of their own."""
    rows = users[profiles.user]
    place = np.cumsum(users) - 1
    own = place[profiles.user[rows]]
    return Profiles(own, profiles.item[rows], profiles.rating[rows], int(users.sum()))


def begun(profiles: Profiles, sizes: Ints, few: int, rng: Generator) -> Profiles:
    """Every other profile as it was when it was shorter: newcomers are judged early, too."""
    shares = np.where(np.arange(len(sizes)) % 2, 1.0, rng.random(len(sizes)))
    kept = np.maximum(np.ceil(sizes * shares), few)
    order = np.argsort(profiles.user, kind="stable")
    rank = np.empty(len(order), np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank[order] = np.arange(len(order)) - starts[profiles.user[order]]
    early = rank < kept[profiles.user]
    return Profiles(
        profiles.user[early], profiles.item[early], profiles.rating[early], profiles.users
    )


def _expanded(traits: Floats) -> Floats:
    near = np.clip(traits, -4, 4)
    return np.hstack([np.ones((len(near), 1)), near, near**2])
