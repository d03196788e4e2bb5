"""Observers hear everything, and can do the gate no harm."""

import numpy as np
import pytest

from foretaste.data import Batch
from foretaste.gate import Gate, Terms
from foretaste.gate.observing import Alert, Drift, Observer, Observers, Severity


class Ear(Observer):
    def __init__(self):
        self.heard = []

    def on_ruled(self, gate, ruled, seconds):
        self.heard.append(("ruled", gate, len(ruled)))

    def on_window(self, gate, window):
        self.heard.append(("window", gate, window.record.window))

    def on_failure(self, gate, error):
        self.heard.append(("failure", gate, error))


class Broken:
    def __getattr__(self, name):
        raise KeyError(name)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    return Batch([f"{seed} {i}" for i in range(n)], {"features": rng.normal(0, 1, (n, 2))})


@pytest.fixture
def ruled():
    return Gate(rows(200), Terms(checks=("joint_outlier",), window=50))(rows(120, seed=1))


def test_several_observers_hear_a_batch_and_each_window_it_closed(ruled):
    one, two = Ear(), Ear()
    Observers(one, two).saw("mail", ruled, 0.1)
    assert one.heard == two.heard
    assert one.heard == [("ruled", "mail", 120), ("window", "mail", 0), ("window", "mail", 1)]


def test_checks_that_failed_are_told_with_their_window(monkeypatch):
    gate = Gate(rows(200), Terms(checks=("joint_outlier",), window=50))
    monkeypatch.setattr(type(gate.checks["joint_outlier"]), "judge", lambda *_: 1 / 0)
    ear = Ear()
    Observers(ear).saw("mail", gate(rows(50, seed=1)), 0.1)
    assert ear.heard[-1] == (
        "failure",
        "mail",
        "joint_outlier: ZeroDivisionError: division by zero",
    )


def test_an_observer_that_breaks_is_counted_and_the_others_still_hear(ruled):
    ear = Ear()
    everybody = Observers(Broken(), ear)
    everybody.saw("mail", ruled, 0.1)
    everybody.on_drift("mail", Drift(0, True, 9.0))
    everybody.on_alert("mail", Alert("r", "f", "t", "x", Severity.LOW, 0.0, 0.0))
    everybody.on_backlog("mail", 1)
    everybody.on_failure("mail", "boom")
    assert everybody.failures == {"Broken": 7}
    assert len(ear.heard) == 4


def test_an_observer_says_only_what_it_wants_to_hear(ruled):
    class Nothing(Observer):
        pass

    everybody = Observers(Nothing())
    everybody.saw("mail", ruled, 0.1)
    assert not everybody.failures
