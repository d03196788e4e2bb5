"""Surprises of several checks as one ruling a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from foretaste.data import Batch, Floats, Ints, Mask
from foretaste.streaming import Aspect, Check

ADMIT, HOLD, REJECT = 0, 1, 2
_STRICTEST, _MILDEST = 10.0, 0.1  # of the factors a check may ask for


def bounds(
    checks: Mapping[str, Check[Any]],
    states: Mapping[str, Any],
    batch: Batch,
    alpha: float,
) -> Floats:
    """(n,) the surprise from which on one check holds a record.

    alpha: share of honest records that may be held here, over all checks
    """
    factor = np.ones(len(batch))
    for name, check in checks.items():
        weigh = getattr(check, "weigh", None)  # quicker than to ask whether it is a `Weigher`
        if weigh is not None:
            factor *= np.nan_to_num(weigh(batch, states[name]), nan=_STRICTEST)
    share = alpha * np.clip(factor, _MILDEST, _STRICTEST) / len(checks)
    bound: Floats = -np.log10(share)
    return bound


def against(surprise: Floats, bound: Floats) -> Mask:
    """(n,) which records a check does not let in; what cannot be told is not let in."""
    return ~(surprise < bound)


def ruled(checks: Mapping[str, Check[Any]], surprises: Mapping[str, Floats], bound: Floats) -> Ints:
    """(n,) `ADMIT`, `HOLD` or `REJECT`: a plain fact about the form of a record rejects it."""
    codes = np.full(len(bound), ADMIT, np.int64)
    for surprise in surprises.values():
        codes[against(surprise, bound)] = HOLD
    for name, surprise in surprises.items():
        if checks[name].aspect is Aspect.FORM:
            codes[np.isposinf(surprise)] = REJECT
    return codes


def scores(
    checks: Mapping[str, Check[Any]], surprises: Mapping[str, Floats], n: int
) -> dict[Aspect, Floats]:
    """By aspect, (n,) the largest surprise of its checks, paid for how many there are."""
    found: dict[Aspect, Floats] = {}
    for aspect in Aspect:
        mine = [s for name, s in surprises.items() if checks[name].aspect is aspect]
        if mine:
            highest = np.max(np.stack(mine), axis=0)
            found[aspect] = np.maximum(highest - np.log10(len(mine)), 0.0)
    return found
