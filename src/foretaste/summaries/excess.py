"""Too many surprising records in a group, and which of them to blame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from foretaste.data import Batch, Floats, Ints

_TESTED = np.array([1.0, 1.5, 2.0, 2.5, 3.0])  # digits of surprise from which on records count
_BLAMED = np.arange(0.0, 4.01, 0.25)
_USUAL = 0.5  # digits; whoever surprises less is honest, or might as well be
_COST = 2.0  # honest records that may be blamed for each dishonest one: no more than one


def excess(surprise: Floats, group: Ints, slack: float) -> tuple[Floats, Floats]:
    """Of each group how surprising its number of surprising records is, and who is to blame.

    surprise: (n,) of each record, as among trusted ones; group: (n,) codes from 0, -1: in none
    slack: how many times as often as trusted ones records of a group may surprise

    How many members of a group are honest is told by those that do not surprise (Storey).

    Gives (groups,) -log10 p-values, which pay for the five levels at which records were counted,
    and (groups,) the surprise from which on a record of that group is rather to blame than not.

    >>> rng = np.random.default_rng(0)
    >>> calm = -np.log10(rng.random(1000))
    >>> group = np.repeat([0, 1], 500)
    >>> calm[:25] = 2.9
    >>> found, blamed = excess(calm, group, slack=2.0)
    >>> found.round(0).tolist(), blamed[0] < 2.9
    ([14.0, 0.0], np.True_)

    References
    ----------
    Storey (2002). A direct approach to false discovery rates. doi:10.1111/1467-9868.00346
    """
    groups = int(group.max(initial=-1)) + 1
    inside = group >= 0
    surprise, group = np.nan_to_num(surprise[inside], nan=np.inf), group[inside]
    size = np.bincount(group, minlength=groups)[:, None]
    counts = _counts(surprise, group, groups, _TESTED)
    chance = np.minimum(slack * 10.0**-_TESTED, 1.0)
    with np.errstate(divide="ignore"):
        digits = -binom.logsf(counts - 1, size, chance) / np.log(10)
    found = np.maximum(digits.max(axis=1, initial=0.0) - np.log10(len(_TESTED)), 0.0)
    calm = size - _counts(surprise, group, groups, np.array([_USUAL]))
    honest = np.minimum((calm + 1) / (1 - 10.0**-_USUAL), size)
    share = np.minimum(slack * 10.0**-_BLAMED, 1.0)
    gained = _counts(surprise, group, groups, _BLAMED) - _COST * honest * share
    least = _BLAMED[gained.argmax(axis=1)] if groups else np.empty(0)
    return found, least


def blamed(surprise: Floats, groupings: Sequence[Ints], slack: float) -> Floats:
    """(n,) of each record the surprise of a group it is in, if it is to blame; else 0.

    groupings: each (n,) codes from 0, -1: in no group; what is given pays for how many there are
    """
    found = np.zeros(len(surprise))
    for group in groupings:
        digits, least = excess(surprise, group, slack)
        hit = (group >= 0) & ~(surprise < np.append(least, np.inf)[group])
        paid = np.maximum(digits[group[hit]] - np.log10(len(groupings)), 0.0)
        found[hit] = np.maximum(found[hit], paid)
    return found


def sources(window: Batch) -> Ints:
    """(n,) who sent each record, as codes from 0; -1: nobody, or the stream does not say."""
    if "source" not in window:
        return np.full(len(window), -1)
    coded = window.arrow("source").dictionary_encode().indices.fill_null(-1)
    return np.asarray(coded.to_numpy(zero_copy_only=False), np.int64)


def _counts(surprise: Floats, group: Ints, groups: int, levels: Floats) -> Floats:
    """(groups, levels) how many records are at least so surprising."""
    reached = np.searchsorted(levels, surprise, side="right")
    places = group * (len(levels) + 1) + reached
    table = np.bincount(places, minlength=groups * (len(levels) + 1))
    table = table.reshape(groups, len(levels) + 1)
    above: Floats = table[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].astype(np.float64)
    return above
