"""Each event is one line of JSON, whatever is in it."""

import io
import json
import logging

import pytest

from foretaste.gate.decision import Reason
from foretaste.gate.observing import Drift, Observers
from foretaste.telemetry.logs import Log, write_json
from tests.telemetry.made import alert, ruled, window


@pytest.fixture
def paper():
    stream = io.StringIO()
    logger = logging.getLogger("foretaste")
    before = logger.level
    handler = write_json(stream)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def lines(paper):
    return [json.loads(line) for line in paper.getvalue().splitlines()]


def test_every_event_is_one_line_with_its_gate(paper):
    everybody = Observers(Log())
    everybody.on_ruled("mail", ruled("ahr"), 0.01)
    everybody.on_window("mail", window(pulled=3))
    everybody.on_drift("mail", Drift(1, False, 2.5, ("length",)))
    everybody.on_failure("mail", "joint_outlier: broken")
    everybody.on_alert("mail", alert())
    said = lines(paper)
    events = [one["event"] for one in said]
    assert events == ["ruled", "window", "drift", "failure", "alert"]
    assert {one["gate"] for one in said} == {"mail"}
    assert (said[0]["admitted"], said[0]["held"], said[0]["rejected"]) == (1, 1, 1)
    assert said[1]["pulled"] == 3
    assert said[3]["level"] == "ERROR"
    assert said[4]["severity"] == "medium"


def test_stopped_records_have_lines_of_their_own_where_asked(paper):
    Log(each=True).on_ruled("mail", ruled("ahr"), 0.01)
    stopped = [one for one in lines(paper) if one["event"] == "stopped"]
    assert [(one["decision"], one["ruling"]) for one in stopped] == [
        ("d1", "hold"),
        ("d2", "reject"),
    ]


def test_a_record_cannot_forge_a_line(paper):
    bad = ruled("h")
    text = 'x"}\n{"event": "alert", "level": "CRITICAL"}\u2028\x1b[2J'
    bad.reasons[0] = (Reason(check="c", surprise=None, text=text),)
    Log(each=True).on_ruled("ma\nil", bad, 0.0)
    assert len(lines(paper)) == 2
    assert paper.getvalue().isascii()
    assert lines(paper)[1]["reasons"][0]["text"] == text


def test_what_others_log_is_json_too(paper):
    try:
        int("x")
    except ValueError:
        logging.getLogger("foretaste.somewhere").exception("it %s", "broke")
    (said,) = lines(paper)
    assert said["message"] == "it broke"
    assert "ValueError" in said["error"]
