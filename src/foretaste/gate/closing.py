"""The end of a window: a look at all of it, then learning from what stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from foretaste.data import Batch, Floats, Mask
from foretaste.gate.decision import SCHEMA, Pulled, Reason, WindowRecord
from foretaste.gate.ruled import Window, number
from foretaste.gate.standing import Standing
from foretaste.gate.weighing import ADMIT, against, bounds
from foretaste.streaming import Check, Settler


def closed(checks: Mapping[str, Check[Any]], standing: Standing, alpha: float) -> Window:
    """Pulls what does not stand, has every check learn from the rest, opens the next window.

    alpha: share of honest records that may be pulled
    """
    rows, codes, places = standing.gathered()
    stood = codes == ADMIT
    reasons = _settled(checks, standing, rows, stood, alpha)
    admitted = stood.copy()
    admitted[list(reasons)] = False
    _learned(checks, standing, rows, admitted)
    pulled = tuple(
        Pulled(
            id=standing.ids[row],
            record=str(rows.ids[row]),
            sequence=int(places[row]),
            reasons=tuple(reasons[row]),
        )
        for row in sorted(reasons)
    )
    kept = rows.take(admitted)
    record = _record(standing, kept, pulled)
    standing.turn()
    return Window(kept, rows.take(~admitted), record)


def _settled(
    checks: Mapping[str, Check[Any]], standing: Standing, rows: Batch, stood: Mask, alpha: float
) -> dict[int, list[Reason]]:
    """Row -> reasons, of those that were let in and do not stand."""
    settlers = {name: one for name, one in checks.items() if isinstance(one, Settler)}
    found: dict[int, list[Reason]] = {}
    if not settlers:
        return found
    bound = bounds(checks, standing.states, rows, alpha * len(checks) / len(settlers))
    for name, check in settlers.items():
        surprise = _surprise(name, check, standing, rows, stood)
        for row in np.flatnonzero(stood & against(surprise, bound)).tolist():
            text = _why(checks[name], standing.states[name], rows, row, surprise[row])
            why = Reason(check=name, surprise=number(surprise[row]), text=text)
            found.setdefault(row, []).append(why)
    return found


def _surprise(name: str, check: Settler, standing: Standing, rows: Batch, stood: Mask) -> Floats:
    try:
        return check.settle(rows, stood, standing.states[name])
    except Exception as error:  # noqa: BLE001 whatever it is, the gate has to stay shut
        standing.failures.append(f"{name}: {type(error).__name__}: {error}")
        return np.full(len(rows), np.nan)


def _why(check: Check[Any], state: Any, rows: Batch, row: int, surprise: float) -> str:
    if np.isnan(surprise):
        return "cannot tell"
    try:
        return check.explain(rows, row, state)
    except Exception as error:  # noqa: BLE001 a reason that cannot be given is no reason to let in
        return f"odd in its window, and cannot be explained ({type(error).__name__})"


def _learned(
    checks: Mapping[str, Check[Any]], standing: Standing, rows: Batch, admitted: Mask
) -> None:
    for name, check in checks.items():
        try:
            standing.states[name] = check.learn(rows, admitted, standing.states[name])
        except Exception as error:  # noqa: BLE001 what cannot learn stays as it was
            standing.failures.append(f"{name}: {type(error).__name__}: {error}")


def _record(standing: Standing, kept: Batch, pulled: tuple[Pulled, ...]) -> WindowRecord:
    content = hashlib.sha256("".join(kept.ids.tolist()).encode()).hexdigest()
    name = standing.extend("window", content, *(one.id for one in pulled))
    return WindowRecord(
        schema=SCHEMA,
        window=standing.window,
        id=name,
        first=standing.first,
        records=standing.size,
        admitted=len(kept),
        held=standing.held,
        rejected=standing.rejected,
        pulled=pulled,
        content=content,
        failures=tuple(dict.fromkeys(standing.failures)),
    )
