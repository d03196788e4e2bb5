"""Settings become listeners; a mistake in them is said at once."""

import json
import logging

import pytest
from pydantic import ValidationError

from foretaste.errors import BadInput
from foretaste.telemetry.opening import Settings, Telemetry


@pytest.fixture(autouse=True)
def _tidy():
    logger = logging.getLogger("foretaste")
    before, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = before
    logger.setLevel(level)


def test_alerts_reach_metrics_logs_and_a_file(tmp_path, capsys):
    with Telemetry(Settings(ocsf=tmp_path / "alerts.jsonl", logs="records")) as telemetry:
        telemetry.observers.on_failure("mail", "contract: broken")
        shown = telemetry.metrics.exposition().decode()
    assert not telemetry.observers.failures
    assert 'rule="broke"' in shown
    assert json.loads((tmp_path / "alerts.jsonl").read_text())["metadata"]["version"] == "1.8.0"
    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert sorted(events) == ["alert", "failure"]


def test_what_is_lost_and_what_broke_is_counted(monkeypatch):
    monkeypatch.setenv("FORETASTE_WEBHOOK_SECRET", "x" * 24)
    hook = {"url": "https://127.0.0.1:1/"}
    with Telemetry(Settings(logs="none", webhooks=[hook])) as telemetry:
        telemetry.observers.on_ruled("mail", None, 0.0)
        telemetry.observers.on_failure("mail", "contract: broken")
        telemetry.close()
        shown = telemetry.metrics.exposition().decode()
    assert 'foretaste_observer_failures_total{who="Metrics"} 1.0' in shown
    assert 'foretaste_notices_lost_total{where="webhook"} 1.0' in shown


def test_a_webhook_without_its_secret_is_refused(monkeypatch):
    monkeypatch.delenv("FORETASTE_WEBHOOK_SECRET", raising=False)
    with pytest.raises(BadInput, match="FORETASTE_WEBHOOK_SECRET"):
        Telemetry(Settings(logs="none", webhooks=[{"url": "https://siem.example/"}]))


def test_settings_nobody_knows_are_refused():
    with pytest.raises(ValidationError, match="webhook"):
        Settings(webhook="https://siem.example/")
    with pytest.raises(ValidationError, match="quite"):
        Settings(pace={"quite": 3.0})
