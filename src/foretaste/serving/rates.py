"""How many records a token may send."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Rates:
    """A bucket a token: it fills with time, and what is sent is taken out of it.

    rate: records a second; seconds: how many seconds' worth a full bucket holds

    >>> now = [0.0]
    >>> rates = Rates(10.0, seconds=2.0, clock=lambda: now[0])
    >>> rates.wait("shop", 20), rates.wait("shop", 5)
    (0.0, 0.5)
    >>> now[0] = 0.5
    >>> rates.wait("shop", 5)
    0.0
    """

    def __init__(
        self, rate: float, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.seconds, self._clock = rate, seconds, clock
        self._full: dict[str, tuple[float, float]] = {}  # name -> what is left, at which time

    def wait(self, name: str, records: int, rate: float | None = None) -> float:
        """Seconds to wait before so many may be sent; 0.0: they may be, and are taken.

        More than a bucket ever holds may be sent when it is full, and leaves a debt.
        """
        rate = rate or self.rate
        now, most = self._clock(), rate * self.seconds
        left, at = self._full.get(name, (most, now))
        left = min(most, left + (now - at) * rate)
        if left >= min(records, most):
            self._full[name] = (left - records, now)
            return 0.0
        self._full[name] = (left, now)
        return max((min(records, most) - left) / rate, math.ulp(1.0))
