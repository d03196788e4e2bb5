"""What a gate goes by, written down as settings that decide everything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from foretaste.errors import BadInput


@dataclass(frozen=True)
class Terms:
    """Settings of a gate; together with the trusted rows they decide every decision.

    alpha: share of honest records that may be held; half is spent at the door, half when a window
        is over, and each half is shared evenly by the checks
    window: records in a window; nothing learns from a record before its window is over
    checks: names; empty: every check for which the trusted rows have the columns
    settings: settings of a check by its name, as its constructor takes them
    encoders: names; empty: what the checks need
    seed: of everything drawn by chance

    >>> Terms(alpha=0.02).digest() == Terms(alpha=0.02).digest() != Terms().digest()
    True
    """

    alpha: float = 0.01
    window: int = 1_000
    checks: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    encoders: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise BadInput(f"alpha is a share of honest records, above 0 and below 1: {self.alpha}")
        if self.window < 1:
            raise BadInput(f"a window has at least one record: {self.window}")

    def digest(self) -> str:
        """SHA-256 of all settings, as hexadecimal digits."""
        said = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()
