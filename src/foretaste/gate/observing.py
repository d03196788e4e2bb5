"""Who is told what a gate does: metrics, traces, logs, alerts."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from foretaste.gate.ruled import Ruled, Window

_log = logging.getLogger("foretaste.observing")


class Severity(StrEnum):
    """How soon a person has to look, mildest first."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Drift:
    """Records that are no longer like the trusted ones.

    window:   number of the window it was seen in
    abrupt:   a jump, which reads as an attack; otherwise gradual
    surprise: -log10 of a p-value
    features, sources: those that moved most, most first
    spent:    share of the drift budget that is gone, 0 to 1
    """

    window: int
    abrupt: bool
    surprise: float
    features: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    spent: float = 0.0


@dataclass(frozen=True)
class Alert:
    """Something a person should know about a gate.

    rule:        which rule found it
    fingerprint: the same for what is the same trouble
    title, text: one line; what was seen
    severity:    how soon to look
    first, last: when it was seen, seconds since 1970
    count:       how often since `first`
    resolved:    it is over
    techniques:  ids of MITRE ATLAS
    checks, sources: concerned, most first
    decisions:   ids of some of the decisions behind it
    """

    rule: str
    fingerprint: str
    title: str
    text: str
    severity: Severity
    first: float
    last: float
    count: int = 1
    resolved: bool = False
    techniques: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


class Observer:
    """Is told what happened, after it was decided; can change nothing.

    Whoever subclasses it says only what it wants to hear; it should be quick, and leave what may
    wait (a network, a disk) to a queue of its own.
    """

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        """Records were decided on, within so many seconds."""

    def on_window(self, gate: str, window: Window) -> None:
        """A window is over."""

    def on_drift(self, gate: str, drift: Drift) -> None:
        """Records moved away from the trusted ones."""

    def on_backlog(self, gate: str, held: int) -> None:
        """So many held records wait for a person."""

    def on_failure(self, gate: str, error: str) -> None:
        """Something broke; what it could not judge was held."""

    def on_alert(self, gate: str, alert: Alert) -> None:
        """An alert was raised, is still on, or is over."""


class Observers(Observer):
    """Tells several observers; one that fails is counted, and neither opens nor stops the gate.

    failures: name of an observer's class -> how often it failed

    >>> class Deaf(Observer):
    ...     def on_backlog(self, gate, held):
    ...         raise OSError("no disk")
    >>> everybody = Observers(Deaf())
    >>> everybody.on_backlog("mail", 3)
    >>> dict(everybody.failures)
    {'Deaf': 1}
    """

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers
        self.failures: Counter[str] = Counter()
        self._lock = Lock()

    def saw(self, gate: str, ruled: Ruled, seconds: float) -> None:
        """A batch that went through the gate, the windows it closed, the checks that failed."""
        self.on_ruled(gate, ruled, seconds)
        for window in ruled.windows:
            self.on_window(gate, window)
            for failure in window.record.failures:
                self.on_failure(gate, failure)

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        self._tell("on_ruled", gate, ruled, seconds)

    def on_window(self, gate: str, window: Window) -> None:
        self._tell("on_window", gate, window)

    def on_drift(self, gate: str, drift: Drift) -> None:
        self._tell("on_drift", gate, drift)

    def on_backlog(self, gate: str, held: int) -> None:
        self._tell("on_backlog", gate, held)

    def on_failure(self, gate: str, error: str) -> None:
        self._tell("on_failure", gate, error)

    def on_alert(self, gate: str, alert: Alert) -> None:
        self._tell("on_alert", gate, alert)

    def _tell(self, event: str, *what: object) -> None:
        for observer in self.observers:
            try:
                getattr(observer, event)(*what)
            except Exception as error:  # noqa: BLE001 an observer must not stop the gate
                name = type(observer).__name__
                with self._lock:
                    self.failures[name] += 1
                _log.warning("%s failed on %s: %s: %s", name, event, type(error).__name__, error)
