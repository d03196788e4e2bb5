"""Metrics say what happened, and an attacker cannot make them grow."""

from prometheus_client.parser import text_string_to_metric_families

from foretaste.gate.observing import Drift, Severity
from foretaste.telemetry.prometheus import Metrics
from tests.telemetry.made import alert, ruled, window


def samples(metrics):
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for one in family.samples:
            found[one.name, *sorted(one.labels.values())] = one.value
    return found


def test_records_are_counted_by_ruling_and_reasons_by_check():
    metrics = Metrics()
    metrics.on_ruled("mail", ruled("aahr"), 0.002)
    metrics.on_ruled("mail", ruled("ah", start=4), 0.002)
    said = samples(metrics)
    assert said["foretaste_records_total", "admit", "mail"] == 3
    assert said["foretaste_records_total", "hold", "mail"] == 2
    assert said["foretaste_records_total", "mail", "reject"] == 1
    assert said["foretaste_reasons_total", "hold", "joint_outlier", "mail"] == 2
    assert said["foretaste_decision_seconds_count", "mail"] == 2


def test_the_open_window_fills_and_empties():
    metrics = Metrics()
    sizes = []
    for batch, closed in [("aaa", None), ("aa", None), ("aaaaa", 0)]:
        metrics.on_ruled("mail", ruled(batch), 0.0)
        if closed is not None:
            metrics.on_window("mail", window(closed, pulled=2))
        sizes.append(samples(metrics)["foretaste_open_window_records", "mail"])
    metrics.on_ruled("mail", ruled("aa", window=1), 0.0)
    sizes.append(samples(metrics)["foretaste_open_window_records", "mail"])
    assert sizes == [3, 5, 0, 2]
    assert samples(metrics)["foretaste_pulled_total", "joint_outlier", "mail"] == 2


def test_a_batch_that_crosses_into_the_next_window_counts_only_what_is_in_it():
    metrics = Metrics()
    both = ruled("aaaaa")
    both.window[3:] = 1
    metrics.on_ruled("mail", both, 0.0)
    metrics.on_window("mail", window(0))
    assert samples(metrics)["foretaste_open_window_records", "mail"] == 2


def test_drift_backlog_failures_and_alerts_are_there():
    metrics = Metrics()
    metrics.on_drift("mail", Drift(3, True, 8.0, spent=0.4))
    metrics.on_backlog("mail", 17)
    metrics.on_failure("mail", "joint_outlier: ZeroDivisionError: x")
    metrics.on_failure("mail", "no idea")
    metrics.on_alert("mail", alert(severity=Severity.HIGH))
    said = samples(metrics)
    assert said["foretaste_drifts_total", "abrupt", "mail"] == 1
    assert said["foretaste_drift_budget_spent", "mail"] == 0.4
    assert said["foretaste_held_backlog", "mail"] == 17
    assert said["foretaste_failures_total", "joint_outlier", "mail"] == 1
    assert said["foretaste_failures_total", "mail", "other"] == 1
    assert said["foretaste_alerts_total", "high", "mail", "open", "sender"] == 1


def test_records_are_counted_by_tier_only_where_tiers_are_known():
    metrics = Metrics()
    metrics.tiers["mail"] = lambda source: "trusted" if source == "ann" else "probation"
    metrics.on_ruled("mail", ruled("ah"), 0.0)
    metrics.on_ruled("mail", ruled("h", source="eve"), 0.0)
    said = samples(metrics)
    assert said["foretaste_tier_records_total", "admit", "mail", "trusted"] == 1
    assert said["foretaste_tier_records_total", "hold", "mail", "probation"] == 1


def test_a_thousand_names_become_a_bounded_number_of_series():
    metrics = Metrics(most=10)
    for i in range(1000):
        metrics.tiers[f"gate {i}"] = str
        one = ruled("h", source=f"sybil {i}", check=f"check {i}")
        metrics.on_ruled(f"gate {i}", one, 0.0)
        metrics.on_failure("gate 0", f"part {i}: boom")
    said = samples(metrics)
    tiers = [key for key in said if key[0] == "foretaste_tier_records_total"]
    assert len(tiers) <= 11
    assert len(said) < 1000
