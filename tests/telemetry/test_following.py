"""What only the gate knows reaches metrics and alerts: its drift budget, its tiers."""

import numpy as np
import pytest

from foretaste.checks.drift_budget import DriftBudget
from foretaste.data import Batch, concat
from foretaste.gate import Terms
from foretaste.gate.keeper import Keeper
from foretaste.telemetry.opening import Settings, Telemetry


def rows(n, seed, at=0.0, source="ann"):
    rng = np.random.default_rng(seed)
    columns = {"embedding": rng.normal(at, 1, (n, 3)), "source": [source] * n}
    return Batch([f"{seed} {i}" for i in range(n)], columns)


@pytest.fixture
def keeper(tmp_path):
    checks = ("drift_budget", "source_trust")
    terms = Terms(checks=checks, window=200, settings={"source_trust": {"probation": ["eve"]}})
    with Keeper.open(tmp_path, rows(2000, 0), terms) as made:
        yield made


def test_a_push_is_an_alert_and_a_calm_window_only_moves_the_gauge(keeper, monkeypatch):
    def settle(self, window, admitted, state):
        return np.where(window["source"] == "mallory", np.inf, 0.0)

    monkeypatch.setattr(DriftBudget, "settle", settle)
    with Telemetry(Settings(logs="none")) as telemetry:
        telemetry.follow(keeper)
        keeper.submit(rows(200, 1))
        assert not telemetry.alerts.open
        calm = telemetry.metrics.exposition().decode()
        keeper.submit(concat([rows(150, 2), rows(50, 3, at=3.0, source="mallory")]))
        pushed = telemetry.metrics.exposition().decode()
    assert f'foretaste_drift_budget_spent{{gate="{keeper.name}"}}' in calm
    assert 'kind="abrupt"' not in calm
    assert 'kind="abrupt"' in pushed
    (drift,) = [one for one in telemetry.alerts.open if one.rule == "drift"]
    assert drift.sources == ("mallory",)
    assert not keeper.observers.failures


def test_tiers_are_those_of_the_settings(keeper):
    with Telemetry(Settings(logs="none")) as telemetry:
        telemetry.follow(keeper)
        keeper.submit(rows(20, 1, source="eve"))
        keeper.submit(rows(20, 2))
        shown = telemetry.metrics.exposition().decode()
    assert 'tier="probation"' in shown
    assert 'tier="standard"' in shown
    assert 'tier="trusted"' not in shown
