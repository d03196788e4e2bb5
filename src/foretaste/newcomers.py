"""How many newcomers agree, beside how many of those known to be honest did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import betainc

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.summaries.content import hashed

_SLOTS = 1 << 17  # users remembered; each takes 16 bytes
_LEAST = 1e-300


@dataclass(frozen=True, eq=False)
class Acquaintances:
    """Since which window each user is known; of bounded size, so some are forgotten.

    trusted: (t,) those of trusted rows, rising, who are never forgotten
    keys:  (s,) the user in each slot, 0 where there is none
    since: (s,) window of the first record that was let in

    A user takes the slot of another whose key falls there; who is forgotten is a newcomer, which
    costs trust and never gives it.

    >>> known = Acquaintances.of(np.array([5, 6], np.uint64))
    >>> known.meet(np.array([7], np.uint64), window=3)
    >>> known.new(np.array([5, 7, 8], np.uint64), before=3).tolist()
    [False, True, True]
    >>> known.new(np.array([5, 7, 8], np.uint64), before=4).tolist()
    [False, False, True]
    """

    trusted: Keys
    keys: Keys
    since: Ints

    @classmethod
    def of(cls, users: Keys) -> Self:
        """users: those of trusted rows"""
        return cls(np.unique(users), np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.int64))

    def meet(self, users: Keys, window: int) -> None:
        """Users of whom a record was let in; changes the arrays in place."""
        users = np.unique(users)
        slots = _slots(users)
        strange = self.keys[slots] != users
        self.keys[slots[strange]], self.since[slots[strange]] = users[strange], window

    def new(self, users: Keys, before: int) -> Mask:
        """(n,) whether a user is unknown, or known since window `before` or later."""
        slots = _slots(users)
        young = (self.keys[slots] != users) | (self.since[slots] >= before)
        if not len(self.trusted):
            return np.asarray(young)
        at = np.minimum(np.searchsorted(self.trusted, users), len(self.trusted) - 1)
        return np.asarray(young & (self.trusted[at] != users))


def _slots(users: Keys) -> Ints:
    return (users & np.uint64(_SLOTS - 1)).astype(np.int64)


def agreement(newcomers: Ints, of: Ints | int, honest: Ints, of_honest: Ints | int) -> Floats:
    """(n,) -log10 of the chance that so many newcomers, and no fewer, are among those who agree.

    newcomers: (n,) how many of `of` newcomers do something
    honest:    (n,) how many of `of_honest` users known to be honest did so

    If newcomers are as others are, each of those who agree is one of them with the same chance,
    whatever it is that they do; so nothing has to be known about it. Draws are without
    replacement; with replacement, as counted here, so many are likelier.

    >>> agreement(np.array([0, 2, 8]), 20, np.array([0, 5, 0]), 980).round(1).tolist()
    [0.0, 2.1, 13.6]
    """
    share = of / np.maximum(np.asarray(of) + of_honest, 1)
    pairs, back = np.unique(
        np.stack(np.broadcast_arrays(newcomers, honest, share)).reshape(3, -1),
        axis=1,
        return_inverse=True,
    )
    x, c, p = pairs
    chance = np.where(x > 0, betainc(np.maximum(x, 1), c + 1, p), 1.0)
    logs: Floats = 0.0 - np.log10(np.maximum(chance, _LEAST))
    return logs[back.ravel()]


def user_keys(batch: Batch) -> NDArray[np.uint64]:
    """(n,) a key of each user, never 0."""
    keys = hashed(batch.arrow("user").cast(pa.large_string()))
    return np.maximum(keys, np.uint64(1))
