"""Alerts: one for each trouble, not one for each sign of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import RLock

from foretaste.gate.observing import Alert, Drift, Observer, Severity
from foretaste.gate.ruled import Ruled, Window
from foretaste.telemetry.rules import Rule, Sighting, usual

_ORDER = tuple(Severity)


@dataclass(frozen=True)
class Pace:
    """How often people are told.

    remind:     seconds until an alert that is still on is told again
    escalate:   seconds after which one that is still on becomes one step more severe, once
    quiet:      seconds without a sign of it after which an alert is over
    settle:     seconds that its end has to hold: what comes and goes is one alert
    per_minute: notices; what is above waits for its turn, the most severe first
    most:       alerts known at a time; beyond it the mildest is forgotten
    """

    remind: float = 3600.0
    escalate: float = 1800.0
    quiet: float = 900.0
    settle: float = 60.0
    per_minute: int = 30
    most: int = 1_000


@dataclass
class _Trouble:
    gate: str
    alert: Alert
    lasts: bool
    told: float | None = None  # when, seconds since 1970
    over: float | None = None  # since when no longer seen
    raised: bool = False
    due: bool = True


class Alerts(Observer):
    """Sees trouble by rules and tells observers, once, until it changes.

    to:    told by `on_alert`
    rules: makes the rules of one gate; they remember, so each gate has its own
    clock: seconds since 1970

    The same trouble has the same fingerprint; its signs are counted. It is told when it begins,
    when it becomes more severe, when it is still on after `Pace.remind`, and when it is over.
    `tick` should be called now and then, for what happens when nothing happens.

    >>> class Paper(Observer):
    ...     def on_alert(self, gate, alert):
    ...         print(gate, alert.severity, alert.title, alert.count)
    >>> alerts = Alerts(Paper())
    >>> for _ in range(3):
    ...     alerts.on_backlog("mail", 20_000)
    mail medium Many held records wait for a person 1
    """

    def __init__(
        self,
        to: Observer,
        rules: Callable[[], Iterable[Rule]] = usual,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.pace = pace or Pace()
        self.forgotten = 0
        self._to, self._rules, self._clock = to, rules, clock
        self._gates: dict[str, tuple[Rule, ...]] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._tokens, self._refilled = float(self.pace.per_minute), clock()
        self._lock = RLock()

    @property
    def open(self) -> tuple[Alert, ...]:
        """What is on, the most severe first."""
        found = (one.alert for one in self._troubles.values() if not one.alert.resolved)
        return tuple(sorted(found, key=lambda a: (-_ORDER.index(a.severity), a.first)))

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        self._seen(gate, lambda rule: rule.ruled(ruled))

    def on_window(self, gate: str, window: Window) -> None:
        self._seen(gate, lambda rule: rule.window(window))

    def on_drift(self, gate: str, drift: Drift) -> None:
        self._seen(gate, lambda rule: rule.drift(drift))

    def on_backlog(self, gate: str, held: int) -> None:
        self._seen(gate, lambda rule: rule.backlog(held))

    def on_failure(self, gate: str, error: str) -> None:
        self._seen(gate, lambda rule: rule.failure(error))

    def tick(self) -> None:
        """Ends what is quiet, makes worse what lasts, tells what is due."""
        with self._lock:
            now = self._clock()
            for trouble in self._troubles.values():
                self._aged(trouble, now)
            self._send(now)

    def _seen(self, gate: str, look: Callable[[Rule], Iterable[Sighting]]) -> None:
        with self._lock:
            if gate not in self._gates:
                self._gates[gate] = tuple(self._rules())
            now = self._clock()
            for rule in self._gates[gate]:
                for sighting in look(rule):
                    self._note(gate, sighting, now)
            self.tick()

    def _note(self, gate: str, seen: Sighting, now: float) -> None:
        mark = fingerprint(gate, seen.rule, seen.key)
        trouble = self._troubles.get(mark)
        if not seen.on:
            if trouble is not None and trouble.over is None:
                trouble.over = now
        elif trouble is None or trouble.alert.resolved:
            self._troubles[mark] = _Trouble(gate, _alert(mark, seen, now), seen.lasts)
            self._bounded()
        else:
            trouble.over = None
            old = trouble.alert
            worse = max(old.severity, seen.severity, key=_ORDER.index)
            trouble.due |= worse != old.severity
            fresh = _alert(mark, seen, now)
            trouble.alert = replace(fresh, first=old.first, count=old.count + 1, severity=worse)

    def _aged(self, trouble: _Trouble, now: float) -> None:
        alert, pace = trouble.alert, self.pace
        if alert.resolved:
            return
        over = trouble.over is not None and now - trouble.over >= pace.settle
        if over or (not trouble.lasts and now - alert.last >= pace.quiet):
            trouble.alert, trouble.due = replace(alert, resolved=True, last=now), True
        elif not trouble.raised and now - alert.first >= pace.escalate:
            trouble.raised = True
            trouble.due |= alert.severity != Severity.CRITICAL
            step = min(_ORDER.index(alert.severity) + 1, len(_ORDER) - 1)
            trouble.alert = replace(alert, severity=_ORDER[step])
        elif trouble.told is not None and now - trouble.told >= pace.remind:
            trouble.due = True

    def _send(self, now: float) -> None:
        """Tells what is due, as far as the pace allows; an end nobody heard the start of, never."""
        rate = self.pace.per_minute
        passed = max(now - self._refilled, 0.0)  # a clock may be set back
        self._tokens = min(self._tokens + passed * rate / 60, rate)
        self._refilled = now
        due = [one for one in self._troubles.items() if one[1].due]
        due.sort(key=lambda one: (-_ORDER.index(one[1].alert.severity), one[1].alert.first))
        for mark, trouble in due:
            silent = trouble.alert.resolved and trouble.told is None
            if not silent and self._tokens < 1:
                return
            if not silent:
                self._tokens -= 1
                self._to.on_alert(trouble.gate, trouble.alert)
            trouble.told, trouble.due = now, False
            if trouble.alert.resolved:
                del self._troubles[mark]

    def _bounded(self) -> None:
        if len(self._troubles) > self.pace.most:
            mildest = min(
                self._troubles.items(),
                key=lambda one: (_ORDER.index(one[1].alert.severity), -one[1].alert.first),
            )
            del self._troubles[mildest[0]]
            self.forgotten += 1


def fingerprint(gate: str, rule: str, key: str) -> str:
    """The same for what is the same trouble.

    >>> fingerprint("mail", "sender", "eve") == fingerprint("mail", "sender", "eve")
    True
    >>> fingerprint("mail", "sender", "eve") == fingerprint("mailsender", "", "eve")
    False
    """
    digest = hashlib.sha256()
    for part in (gate, rule, key):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def _alert(mark: str, seen: Sighting, now: float) -> Alert:
    return Alert(
        rule=seen.rule,
        fingerprint=mark,
        title=seen.title,
        text=seen.text,
        severity=seen.severity,
        first=now,
        last=now,
        techniques=seen.techniques,
        checks=seen.checks,
        sources=seen.sources,
        decisions=seen.decisions,
    )
