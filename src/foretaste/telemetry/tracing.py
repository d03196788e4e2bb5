"""What a gate does, as OpenTelemetry spans."""

from __future__ import annotations

import time
from typing import Any

from foretaste.errors import MissingExtra
from foretaste.gate.observing import Alert, Drift, Observer
from foretaste.gate.ruled import Ruled, Window

_NAME = "foretaste.gate"


class Traces(Observer):
    """Makes a span of every batch, window and alert, inside whatever span is current.

    provider: a TracerProvider of opentelemetry; None: the one the process has set

    Needs the extra `tracing`.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise MissingExtra("traces", "tracing") from error
        self._trace = trace
        self._tracer = trace.get_tracer(_NAME, tracer_provider=provider)

    def on_ruled(self, gate: str, ruled: Ruled, seconds: float) -> None:
        counts = {
            "foretaste.records": len(ruled),
            "foretaste.admitted": int(ruled.admitted.sum()),
            "foretaste.held": int(ruled.held.sum()),
            "foretaste.rejected": int(ruled.rejected.sum()),
        }
        if len(ruled):
            counts["foretaste.sequence"] = int(ruled.sequence[0])
        self._span("gate.judge", gate, seconds, counts)

    def on_window(self, gate: str, window: Window) -> None:
        record = window.record
        told = {
            "foretaste.window": record.window,
            "foretaste.window.id": record.id,
            "foretaste.records": record.records,
            "foretaste.admitted": record.admitted,
            "foretaste.pulled": len(record.pulled),
        }
        self._span("gate.window", gate, 0.0, told)

    def on_drift(self, gate: str, drift: Drift) -> None:
        told = {
            "foretaste.window": drift.window,
            "foretaste.drift.abrupt": drift.abrupt,
            "foretaste.drift.surprise": drift.surprise,
            "foretaste.drift.spent": drift.spent,
        }
        self._span("gate.drift", gate, 0.0, told)

    def on_failure(self, gate: str, error: str) -> None:
        self._span("gate.failure", gate, 0.0, {}, error)

    def on_alert(self, gate: str, alert: Alert) -> None:
        told = {
            "foretaste.alert.rule": alert.rule,
            "foretaste.alert.severity": alert.severity.value,
            "foretaste.alert.fingerprint": alert.fingerprint,
            "foretaste.alert.resolved": alert.resolved,
        }
        self._span("gate.alert", gate, 0.0, told)

    def _span(
        self, name: str, gate: str, seconds: float, told: dict[str, Any], error: str = ""
    ) -> None:
        """A span that ends now and began so many seconds ago."""
        now = time.time_ns()
        span = self._tracer.start_span(name, start_time=now - int(seconds * 1e9))
        span.set_attributes({"foretaste.gate": gate, **told})
        if error:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, error))
        span.end(end_time=now)


def otlp(endpoint: str, service: str = "foretaste") -> Any:
    """A TracerProvider that sends spans in batches to an OTLP collector over HTTP.

    endpoint: such as http://127.0.0.1:4318/v1/traces
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtra("traces", "tracing") from error
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
