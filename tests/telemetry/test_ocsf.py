"""OCSF findings hold to the schema, by a validator that is not ours."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema, get_packaged_versions

from foretaste.gate.observing import Severity
from foretaste.telemetry import atlas
from foretaste.telemetry.ocsf import SCHEMA, Findings, finding
from tests.telemetry.made import alert


@pytest.fixture(scope="module")
def schema():
    made = OcsfJsonSchemaEmbedded(get_ocsf_schema(SCHEMA))
    return Draft202012Validator(made.get_class_schema("detection_finding"))


def test_the_schema_is_the_newest_that_the_validator_knows():
    def order(name):
        return tuple(int(part) for part in name.partition("-")[0].split("."))

    assert max(get_packaged_versions(), key=order) == SCHEMA


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("resolved", [False, True])
def test_findings_hold_to_the_schema(schema, severity, resolved):
    event = finding("mail", alert(severity=severity, resolved=resolved))
    assert not [one.message for one in schema.iter_errors(event)]
    assert event["type_uid"] == 200400 + event["activity_id"]


def test_the_validator_refuses_what_is_wrong(schema):
    event = finding("mail", alert())
    assert not schema.is_valid({**event, "severity_id": 77})
    assert not schema.is_valid({key: event[key] for key in event if key != "finding_info"})


@settings(max_examples=30)
@given(st.text(max_size=50), st.lists(st.text(max_size=20), max_size=3))
def test_findings_hold_to_the_schema_whatever_senders_write(schema, text, sources):
    event = finding(text, alert(text=text, sources=tuple(sources), techniques=(), decisions=()))
    assert schema.is_valid(json.loads(json.dumps(event)))


def test_a_finding_begins_goes_on_and_ends():
    kinds = [alert(count=1), alert(count=9), alert(count=9, resolved=True)]
    events = [finding("mail", one) for one in kinds]
    assert [one["activity_name"] for one in events] == ["Create", "Update", "Close"]
    assert [one["status"] for one in events] == ["New", "New", "Resolved"]
    assert len({one["finding_info"]["uid"] for one in events}) == 1


def test_techniques_of_atlas_are_named_with_the_version_of_its_content():
    (attack,) = finding("mail", alert())["finding_info"]["attacks"]
    assert attack["version"] == atlas.VERSION
    assert attack["technique"]["uid"] == "AML.T0020"
    assert attack["technique"]["name"] == "Training Data Poisoning"


def test_every_check_points_to_a_technique_with_a_title():
    from foretaste import registry

    for name in registry.names("checks"):
        assert set(atlas.techniques([name])) <= set(atlas.TITLES)
    assert atlas.techniques(["no such check"]) == ("AML.T0020",)


def test_a_file_takes_one_finding_a_line(tmp_path):
    findings = Findings(tmp_path / "alerts.jsonl")
    for text in ("one", "two\nlines"):
        findings.on_alert("mail", alert(text=text))
    lines = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(one)["finding_info"]["desc"] for one in lines] == ["one", "two\nlines"]
