"""Tells the members of a group from the rest of their class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from foretaste.data import Array, Floats, Mask

SHRINK = 1e-2  # of the mean variance, added to every direction
ROUNDS = 3  # members and direction are found in turn


class Side(NamedTuple):
    """Where one side lies along the direction, and how often content overrides its label."""

    middle: float
    spread: float
    overridden: float


@dataclass(frozen=True, eq=False)
class Discriminant:
    """The direction that separates a group from its class, and the odds along it."""

    direction: Floats  # (d,)
    group: Side
    rest: Side
    share: float  # of the class that is the group

    def doubt(self, vectors: Array, overridden: Mask | None) -> Floats:
        """(n,) how likely each row is not of the group.

        overridden: (n,) whether the content speaks for another label; None: judge by place only
        """
        along = np.nan_to_num(vectors.astype(np.float64) @ self.direction)
        odds = np.log(self.share / (1 - self.share)) + self._place(along)
        if overridden is not None:
            inside, outside = self.group.overridden, self.rest.overridden
            odds += np.log(np.where(overridden, inside / outside, (1 - inside) / (1 - outside)))
        return 1 / (1 + np.exp(np.clip(odds, -700, 700)))

    def _place(self, along: Floats) -> Floats:
        """Log-odds along the direction: rows beyond the group count as at its middle."""
        near = np.minimum(along, self.group.middle)
        inside = t.logpdf(near, 5, self.group.middle, self.group.spread)
        return inside - t.logpdf(near, 5, self.rest.middle, self.rest.spread)


def separate(vectors: Array, inside: Mask, overridden: Mask) -> Discriminant:
    """Of the rows (n, d) of one class, `inside` the first guess at the group.

    Rows of the guess that are overridden are its core; direction and members are then found
    in turn, so that bystanders leave and missed members join.

    >>> vectors = np.array([[0.0], [0.1], [-0.1], [0.0], [5.0], [5.1], [4.9], [5.0]])
    >>> inside = np.arange(8) > 5
    >>> (separate(vectors, inside, inside).doubt(vectors, None) < 0.5).tolist()
    [False, False, False, False, True, True, True, True]
    """
    vectors = np.nan_to_num(vectors.astype(np.float64))
    members = inside & overridden
    for _ in range(ROUNDS):
        found = _between(vectors, members, overridden)
        members = found.doubt(vectors, overridden) < 0.5
        if members.sum() < 2:
            break
    return found


def _between(vectors: Floats, members: Mask, overridden: Mask) -> Discriminant:
    means = vectors[members].mean(axis=0), vectors[~members].mean(axis=0)
    centred = vectors - np.where(members[:, None], means[0], means[1])
    scatter = centred.T @ centred / len(vectors)
    ridge = SHRINK * np.trace(scatter) / len(scatter) + 1e-12
    direction = np.linalg.solve(scatter + ridge * np.eye(len(scatter)), means[0] - means[1])
    along = vectors @ direction
    sides = [_side(along[m], overridden[m]) for m in (members, ~members)]
    share = float(np.clip(members.mean(), 1e-6, 1 - 1e-6))
    return Discriminant(direction, sides[0], sides[1], share)


def _side(along: Floats, overridden: Mask) -> Side:
    middle = float(np.median(along))
    spread = 1.4826 * float(np.median(np.abs(along - middle))) + 1e-9
    share = (float(overridden.sum()) + 1) / (len(overridden) + 2)
    return Side(middle, spread, share)
