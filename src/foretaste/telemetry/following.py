"""What only the gate itself knows: how much of its drift budget is gone, whom it trusts how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from foretaste.checks.drift_budget import Courses
from foretaste.checks.source_trust import SourceTrust
from foretaste.gate.gate import Gate
from foretaste.gate.observing import Drift, Observer
from foretaste.gate.ruled import Window

_CHECK = "drift_budget"
_SHOWN = 5
STANDARD = "standard"


class Drifting(Observer):
    """Tells of drift when a window is over, by what the check `drift_budget` has learned.

    Records that it pulled jumped; where it pulled none, only the budget is told.
    """

    def __init__(self, gate: Gate, to: Observer) -> None:
        self._gate, self._to = gate, to

    def on_window(self, gate: str, window: Window) -> None:
        state = self._gate.standing.states.get(_CHECK)
        if not isinstance(state, Courses):
            return
        pulled = {
            one.record: why.surprise
            for one in window.record.pulled
            for why in one.reasons
            if why.check == _CHECK
        }
        drift = Drift(
            window=window.record.window,
            abrupt=bool(pulled),
            surprise=max((one or 0.0 for one in pulled.values()), default=0.0),
            sources=_sources(window, set(pulled)),
            spent=max((one.spent(one.moved) for one in state.each), default=0.0),
        )
        self._to.on_drift(gate, drift)


def tiers(gate: Gate) -> Callable[[str], str] | None:
    """Source -> the tier that settings gave it; None where sources are not told apart."""
    checks: Iterable[object] = gate.checks.values()
    found = [one for one in checks if isinstance(one, SourceTrust)]
    return tier_of(found[0]) if found else None


def tier_of(check: SourceTrust) -> Callable[[str], str]:
    """Source -> tier, by a check's settings.

    >>> tier = tier_of(SourceTrust(trusted=("bank",), probation=("eve",)))
    >>> tier("bank"), tier("eve"), tier("anybody")
    ('trusted', 'probation', 'standard')
    """
    named: dict[str, str] = {}
    for tier in ("trusted", "untrusted", "probation"):
        named.update(dict.fromkeys(getattr(check, tier), tier))
    return lambda source: named.get(source, STANDARD)


def _sources(window: Window, pulled: set[str]) -> tuple[str, ...]:
    """Of those records, the busiest senders first."""
    if not pulled or "source" not in window.held:
        return ()
    mine: Any = np.isin(window.held.ids.astype(str), list(pulled))
    counts = Counter(str(one) for one in window.held["source"][mine])
    return tuple(source for source, _ in counts.most_common(_SHOWN))
