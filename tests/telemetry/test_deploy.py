"""Dashboard, scrape and rules speak of metrics that there are, with labels that they have."""

import json
import re
from pathlib import Path

import pytest
import yaml

from foretaste.gate.observing import Drift
from foretaste.telemetry.prometheus import Metrics
from tests.telemetry.made import alert, ruled, window

DEPLOY = Path(__file__).parents[2] / "deploy"
USED = re.compile(r"(foretaste_\w+)(?:\{([^}]*)\})?")
BESIDE = {"le", "job", "instance"}  # labels that Prometheus adds


@pytest.fixture(scope="module")
def known():
    """Sample -> its labels, when everything has happened once."""
    metrics = Metrics()
    metrics.tiers["mail"] = lambda _: "standard"
    metrics.on_ruled("mail", ruled("ahr"), 0.1)
    metrics.on_window("mail", window(pulled=1))
    metrics.on_drift("mail", Drift(0, True, 9.0, spent=0.5))
    metrics.on_backlog("mail", 3)
    metrics.on_failure("mail", "contract: broken")
    metrics.on_alert("mail", alert())
    found = {}
    for family in metrics.registry.collect():
        for one in family.samples:
            found.setdefault(one.name, set()).update(one.labels)
    return found


def panels():
    return json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]


def rules():
    (group,) = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"]
    return group["rules"]


EXPRESSIONS = [target["expr"] for panel in panels() for target in panel["targets"]]
EXPRESSIONS += [rule["expr"] for rule in rules()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_metrics_and_labels_that_there_are(known, expression):
    assert expression.count("(") == expression.count(")")
    for name, selected in USED.findall(expression):
        assert name in known
        labels = set(re.findall(r"(\w+)\s*[=!]~?", selected))
        assert labels <= known[name] | BESIDE
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert {one.strip() for one in grouped.split(",")} <= known[name] | BESIDE


def test_every_metric_is_on_the_dashboard(known):
    shown = " ".join(EXPRESSIONS)
    quiet = {"foretaste_windows_total", "foretaste_open_window_records"}
    names = {name for name in known if not name.endswith(("_created", "_sum", "_count"))}
    assert {name for name in names if name not in shown} == quiet


def test_panels_do_not_overlap_and_have_ids_of_their_own():
    taken = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_every_rule_says_how_severe_it_is_and_what_it_means():
    for rule in rules():
        assert rule["labels"]["severity"] in ("medium", "high", "critical")
        assert rule["annotations"]["summary"]


def test_the_scrape_reads_the_rules():
    said = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert all((DEPLOY / name).exists() for name in said["rule_files"])
