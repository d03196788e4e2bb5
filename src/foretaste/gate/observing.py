"""Whoever wants to be told what happens at a gate: metrics, traces, alerts."""

from __future__ import annotations

from typing import Protocol

from foretaste.gate.ruled import Ruled, Window


class Observer(Protocol):
    """Hears what one gate did, after it was written down; one observer a gate.

    Called by the thread that decides, one call after another: be quick, and raise nothing.
    """

    def on_ruled(self, ruled: Ruled, seconds: float) -> None:
        """Records were decided on; seconds: how long that took, writing included."""

    def on_window(self, window: Window) -> None:
        """A window is over."""

    def on_failure(self, what: str, error: Exception) -> None:
        """Something failed, and nothing was let in by it; what: the step, as people call it."""


class Unobserved:
    """Nobody is told."""

    def on_ruled(self, ruled: Ruled, seconds: float) -> None:
        return None

    def on_window(self, window: Window) -> None:
        return None

    def on_failure(self, what: str, error: Exception) -> None:
        return None
