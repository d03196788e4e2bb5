"""A span a batch, with what was decided and how long it took."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from foretaste.gate.observing import Drift, Observers
from foretaste.telemetry.tracing import Traces
from tests.telemetry.made import alert, ruled, window


@pytest.fixture
def traced():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traces(provider), exporter, provider


def test_a_batch_is_a_span_as_long_as_the_decision_took(traced):
    traces, exporter, _ = traced
    traces.on_ruled("mail", ruled("aahr"), 0.25)
    (span,) = exporter.get_finished_spans()
    assert span.name == "gate.judge"
    assert span.end_time - span.start_time == 250_000_000
    assert span.attributes["foretaste.gate"] == "mail"
    assert span.attributes["foretaste.admitted"] == 2
    assert span.attributes["foretaste.held"] == 1


def test_spans_stand_inside_the_callers(traced):
    traces, exporter, provider = traced
    with provider.get_tracer("caller").start_as_current_span("request") as outer:
        traces.on_ruled("mail", ruled(""), 0.0)
    inner = exporter.get_finished_spans()[0]
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_every_event_is_traced_and_a_failure_is_an_error(traced):
    traces, exporter, _ = traced
    everybody = Observers(traces)
    everybody.on_window("mail", window(pulled=1))
    everybody.on_drift("mail", Drift(0, True, 5.0))
    everybody.on_alert("mail", alert())
    everybody.on_failure("mail", "contract: broken")
    spans = exporter.get_finished_spans()
    assert [one.name for one in spans] == [
        "gate.window", "gate.drift", "gate.alert", "gate.failure",
    ]  # fmt: skip
    assert not spans[-1].status.is_ok
    assert not everybody.failures
