"""What a gate does, as Prometheus metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretaste.errors import MissingExtra
from foretaste.gate.observing import Alert, Drift, Observer
from foretaste.gate.ruled import RULINGS, Ruled, Window
from foretaste.telemetry.few import OTHER, Few

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Metrics(Observer):
    """Counts rulings, reasons, windows, failures and alerts; times decisions.

    registry: of prometheus_client; None: one of its own, with nothing else in it
    most:     values of a label that are kept apart; later ones count as "other"

    `tiers` has, by gate, source -> trust tier; records of other gates are not counted by tier.
    Sources and record ids never become labels: they are as many as an attacker likes.

    >>> metrics = Metrics()
    >>> metrics.on_backlog("mail", 7)
    >>> 'foretaste_held_backlog{gate="mail"} 7.0' in metrics.exposition().decode()
    True

    Needs the extra `gate` (prometheus_client).
    """

    def __init__(
        self,
        registry: Any = None,
        most: int = 100,
    ) -> None:
        try:
            import prometheus_client as made
        except ImportError as error:
            raise MissingExtra("metrics", "gate") from error
        self.registry = made.CollectorRegistry() if registry is None else registry
        self.tiers: dict[str, Callable[[str], str]] = {}
        self._gates, self._checks, self._rules, self._told = (Few(most) for _ in range(4))
        self._open: dict[str, tuple[int, int]] = {}

        def counter(name: str, text: str, *labels: str) -> Any:
            return made.Counter(
                f"foretaste_{name}", text, ("gate", *labels), registry=self.registry
            )

        def gauge(name: str, text: str) -> Any:
            return made.Gauge(f"foretaste_{name}", text, ("gate",), registry=self.registry)

        self._records = counter("records", "Records decided on", "ruling")
        self._tiered = counter("tier_records", "Records by trust of source", "tier", "ruling")
        self._reasons = counter("reasons", "Reasons against records", "check", "ruling")
        self._windows = counter("windows", "Windows that are over")
        self._pulled = counter("pulled", "Records pulled at a window's end", "check")
        self._failures = counter("failures", "Checks and parts that broke", "part")
        self._drifts = counter("drifts", "Moves away from trusted records", "kind")
        self._alerts = counter("alerts", "Notices of alerts", "rule", "severity", "state")
        self._size = gauge("open_window_records", "Records in the open window")
        self._backlog = gauge("held_backlog", "Held records that wait for a person")
        self._spent = gauge("drift_budget_spent", "Share of the drift budget that is gone")
        self._seconds = made.Histogram(
            "foretaste_decision_seconds",
            "Time to decide on a batch",
            ("gate",),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format, of `CONTENT_TYPE`."""
        import prometheus_client

        text: bytes = prometheus_client.generate_latest(self.registry)
        return text

    def serve(self, port: int) -> None:
        """Answers scrapes of /metrics on 127.0.0.1 until the process ends."""
        import prometheus_client

        prometheus_client.start_http_server(port, "127.0.0.1", self.registry)

    def count(
        self, name: str, text: str, label: str, read: Callable[[], Mapping[str, int]]
    ) -> None:
        """Adds a counter that somebody else counts, read when it is asked for."""
        self.registry.register(_Counted(f"foretaste_{name}", text, label, read))

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        name = self._gates(gate)
        counts = np.bincount(ruled.codes, minlength=len(RULINGS)).tolist()
        for ruling, count in zip(RULINGS, counts, strict=True):
            self._records.labels(name, ruling.value).inc(count)
        reasons = Counter(
            (self._checks(why.check), RULINGS[ruled.codes[row]].value)
            for row, whys in ruled.reasons.items()
            for why in whys
        )
        for labels, count in reasons.items():
            self._reasons.labels(name, *labels).inc(count)
        if gate in self.tiers and "source" in ruled.batch:
            self._by_tier(name, ruled, self.tiers[gate])
        self._seconds.labels(name).observe(seconds)
        self._counted(name, ruled)

    def on_window(self, gate: str, window: Window) -> None:
        name, record = self._gates(gate), window.record
        self._windows.labels(name).inc()
        for why, count in Counter(w.check for p in record.pulled for w in p.reasons).items():
            self._pulled.labels(name, self._checks(why)).inc(count)
        if self._open.get(name, (0, 0))[0] <= record.window:
            self._open[name] = (record.window + 1, 0)
            self._size.labels(name).set(0)

    def on_drift(self, gate: str, drift: Drift) -> None:
        name = self._gates(gate)
        self._drifts.labels(name, "abrupt" if drift.abrupt else "gradual").inc()
        self._spent.labels(name).set(drift.spent)

    def on_backlog(self, gate: str, held: int) -> None:
        self._backlog.labels(self._gates(gate)).set(held)

    def on_failure(self, gate: str, error: str) -> None:
        part = error.partition(":")[0] if ":" in error else OTHER
        self._failures.labels(self._gates(gate), self._checks(part)).inc()

    def on_alert(self, gate: str, alert: Alert) -> None:
        state = "resolved" if alert.resolved else "open"
        labels = self._rules(alert.rule), alert.severity.value, state
        self._alerts.labels(self._gates(gate), *labels).inc()

    def _by_tier(self, name: str, ruled: Ruled, tier: Callable[[str], str]) -> None:
        pairs = Counter(zip(ruled.batch["source"].tolist(), ruled.codes.tolist(), strict=True))
        for (source, code), count in pairs.items():
            labels = self._told(tier(str(source))), RULINGS[code].value
            self._tiered.labels(name, *labels).inc(count)

    def _counted(self, name: str, ruled: Ruled) -> None:
        """How far the open window is; `on_window` follows where one was over."""
        if not len(ruled):
            return
        last = int(ruled.window[-1])
        window, before = self._open.get(name, (last, 0))
        here = int((ruled.window == last).sum())
        self._open[name] = (last, here + before if window == last else here)
        self._size.labels(name).set(self._open[name][1])


@dataclass(frozen=True)
class _Counted:
    name: str
    text: str
    label: str
    read: Callable[[], Mapping[str, int]]

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(self.name, self.text, labels=[self.label])
        for value, count in sorted(self.read().items()):
            family.add_metric([value], count)
        yield family
