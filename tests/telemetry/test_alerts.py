"""One trouble is one alert; it is told when it matters and not more often."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.gate.observing import Drift, Observer, Severity
from foretaste.telemetry.alerts import Alerts, Pace
from foretaste.telemetry.rules import Backlog, Rule, Sighting, Stopped
from tests.telemetry.made import ruled, window


class Told(Observer):
    def __init__(self):
        self.alerts = []

    def on_alert(self, gate, alert):
        self.alerts.append(alert)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Scripted(Rule):
    """Sees whatever a failure's text names: `key` or `key off`."""

    severity = Severity.MEDIUM

    def failure(self, error):
        key, _, off = error.partition(" ")
        yield Sighting("scripted", key, key, self.severity, on=off != "off")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return Told()


def alerts(told, clock, rules=(Scripted,), **pace):
    return Alerts(told, lambda: [rule() for rule in rules], Pace(**pace), clock)


def test_the_same_trouble_is_told_once_and_counted(told, clock):
    made = alerts(told, clock)
    for _ in range(5):
        made.on_failure("mail", "a")
    made.on_failure("mail", "b")
    made.on_failure("chat", "a")
    assert [one.title for one in told.alerts] == ["a", "b", "a"]
    assert len({one.fingerprint for one in told.alerts}) == 3
    assert made.open[0].count == 5


def test_what_lasts_is_told_again_after_a_while_with_its_count(told, clock):
    made = alerts(told, clock, remind=100, escalate=1e9, quiet=1e9)
    made.on_failure("mail", "a")
    for _ in range(25):
        clock.now += 10
        made.on_failure("mail", "a")
    assert [one.count for one in told.alerts] == [1, 11, 21]


def test_what_lasts_becomes_one_step_more_severe_once(told, clock):
    made = alerts(told, clock, escalate=50, remind=1e9, quiet=1e9)
    made.on_failure("mail", "a")
    for _ in range(40):
        clock.now += 10
        made.on_failure("mail", "a")
    assert [one.severity for one in told.alerts] == [Severity.MEDIUM, Severity.HIGH]


def test_its_end_is_told_once_it_holds(told, clock):
    made = alerts(told, clock, settle=60)
    made.on_failure("mail", "a")
    made.on_failure("mail", "a off")
    assert len(told.alerts) == 1
    clock.now += 61
    made.tick()
    assert told.alerts[-1].resolved
    assert not made.open
    made.tick()
    assert len(told.alerts) == 2


def test_what_comes_and_goes_is_one_alert(told, clock):
    made = alerts(told, clock, settle=60)
    for _ in range(50):
        made.on_failure("mail", "a")
        clock.now += 1
        made.on_failure("mail", "a off")
        clock.now += 1
    assert len(told.alerts) == 1
    assert told.alerts[0].count == 1


def test_what_is_no_longer_seen_is_over_but_not_what_lasts(told, clock):
    made = alerts(told, clock, (Scripted, Backlog), quiet=100)
    made.on_failure("mail", "a")
    made.on_backlog("mail", 20_000)
    clock.now += 101
    made.tick()
    assert [(one.rule, one.resolved) for one in told.alerts] == [
        ("scripted", False),
        ("backlog", False),
        ("scripted", True),
    ]


def test_a_flood_is_told_at_the_pace_and_nothing_is_lost(told, clock):
    made = alerts(told, clock, per_minute=10, quiet=1e9, escalate=1e9)
    for i in range(40):
        made.on_failure("mail", f"a{i}")
    assert len(told.alerts) == 10
    for _ in range(30):
        clock.now += 6
        made.tick()
    assert len({one.title for one in told.alerts}) == 40


def test_the_most_severe_is_told_first_when_it_has_to_wait(told, clock):
    class Grave(Scripted):
        severity = Severity.CRITICAL

        def failure(self, error):
            yield from super().failure(error) if error == "grave" else ()

    made = alerts(told, clock, (Scripted, Grave), per_minute=1, quiet=1e9, escalate=1e9)
    for name in ("a", "b", "grave"):
        made.on_failure("mail", name)
    clock.now += 60
    made.tick()
    assert told.alerts[-1].severity == Severity.CRITICAL


def test_the_end_of_what_was_never_told_is_not_told(told, clock):
    made = alerts(told, clock, per_minute=1, settle=0)
    made.on_failure("mail", "a")
    made.on_failure("mail", "b")
    made.on_failure("mail", "b off")
    clock.now += 120
    made.on_failure("mail", "a")
    assert [one.title for one in told.alerts] == ["a"]


def test_memory_is_bounded_and_says_what_it_forgot(told, clock):
    made = alerts(told, clock, most=50, per_minute=1, quiet=1e9)
    for i in range(200):
        made.on_failure("mail", f"a{i}")
    assert len(made.open) == 50
    assert made.forgotten == 150


def test_a_clock_that_is_set_back_breaks_nothing(told, clock):
    made = alerts(told, clock)
    made.on_failure("mail", "a")
    clock.now -= 5000
    made.on_failure("mail", "b")
    assert len(told.alerts) == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 200)), max_size=40))
def test_for_each_trouble_ends_follow_beginnings(events):
    told, clock = Told(), Clock()
    made = alerts(told, clock)
    for key, on, passed in events:
        clock.now += passed
        made.on_failure("mail", key if on else f"{key} off")
    for key in "abc":
        states = [one.resolved for one in told.alerts if one.title == key]
        assert not any(one and two for one, two in pairwise(states))
        assert states[:1] != [True]


def test_many_stopped_records_raise_an_alert_and_few_do_not(told, clock):
    made = alerts(told, clock, (lambda: Stopped(records=100),), settle=0)
    made.on_ruled("mail", ruled("a" * 96 + "hhhh"), 0.0)
    assert not told.alerts
    made.on_ruled("mail", ruled("a" * 90 + "h" * 10, check="joint_outlier"), 0.0)
    (alert,) = told.alerts
    assert "10.0% of the last 100" in alert.text
    assert alert.checks == ("joint_outlier",)
    assert alert.techniques == ("AML.T0020",)
    assert len(alert.decisions) == 5
    made.on_ruled("mail", ruled("a" * 100), 0.0)
    assert told.alerts[-1].resolved


def test_a_source_that_is_stopped_often_is_named_and_forgotten_when_it_stops(told, clock):
    from foretaste.telemetry.rules import Sender

    made = alerts(told, clock, (lambda: Sender(least=20, records=50),), settle=0)
    made.on_ruled("mail", ruled("h" * 25, source="eve" * 1000), 0.0)
    made.on_ruled("mail", ruled("a" * 20 + "h" * 5), 0.0)
    (alert,) = told.alerts
    assert alert.sources == (("eve" * 1000)[:200],)
    made.on_ruled("mail", ruled("a" * 50), 0.0)
    assert told.alerts[-1].resolved


def test_pulled_groups_jumps_and_a_spent_budget_are_told(told, clock):
    made = Alerts(told, clock=clock)
    made.on_window("mail", window(pulled=1))
    assert not told.alerts
    made.on_window("mail", window(pulled=10))
    made.on_drift("mail", Drift(4, True, 7.0, ("amount",), ("eve",), spent=0.9))
    made.on_failure("mail", "joint_outlier: ZeroDivisionError: x")
    assert [one.rule for one in told.alerts] == ["pulled", "drift", "drift", "broke"]
    assert "amount" in told.alerts[1].text
    assert told.alerts[1].sources == ("eve",)
    assert all(one.severity == Severity.HIGH for one in told.alerts)


def test_slow_drift_within_its_budget_is_mild(told, clock):
    made = Alerts(told, clock=clock)
    made.on_drift("mail", Drift(4, False, 3.0, spent=0.1))
    assert [one.severity for one in told.alerts] == [Severity.LOW]


def test_rules_of_one_gate_do_not_hear_another(told, clock):
    made = alerts(told, clock, (lambda: Stopped(records=100),))
    made.on_ruled("mail", ruled("h" * 60), 0.0)
    made.on_ruled("chat", ruled("h" * 60), 0.0)
    assert not told.alerts


def test_records_without_a_source_accuse_nobody(told, clock):
    one = ruled("h" * 100)
    bare = type(one)(**{**one.__dict__, "batch": one.batch.without("source")})
    made = Alerts(told, clock=clock)
    for _ in range(20):
        made.on_ruled("mail", bare, 0.0)
    assert {one.rule for one in told.alerts} == {"stopped"}
    assert np.all(bare.codes == 1)
