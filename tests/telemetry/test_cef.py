"""A CEF line is read as it was meant, whatever senders put into it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from foretaste.gate.observing import Severity
from foretaste.telemetry.cef import line
from tests.telemetry.made import alert


def read(text):
    """A reader of its own: header fields, then key=value up to the next key."""
    fields = re.split(r"(?<!\\)(?:\\\\)*\|", text, maxsplit=7)
    assert len(fields) == 8
    said = {}
    found = list(re.finditer(r"(?:^| )(\w+)(?<!\\)=", fields[7]))
    for one, after in zip(found, [*found[1:], None], strict=True):
        value = fields[7][one.end() : after.start() if after else None]
        said[one[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), value)
    return fields[:7], said


def test_a_line_says_what_where_and_how_bad():
    head, said = read(line("mail", alert()))
    assert head[0] == "CEF:0"
    assert head[4:] == ["sender", "A source has many of its records stopped", "5"]
    assert said["cs1"] == "mail"
    assert said["cs1Label"] == "gate"
    assert said["cs2"] == "eve"
    assert said["cs4"] == "AML.T0020"
    assert said["cnt"] == "2"
    assert said["rt"] == "1790000060500"
    assert said["act"] == "raised"


def test_severities_rise():
    levels = [int(read(line("m", alert(severity=one)))[0][6]) for one in Severity]
    assert levels == sorted(set(levels))
    assert (levels[0], levels[-1]) == (1, 10)


def test_a_sender_cannot_add_fields_or_lines():
    evil = "eve cs1=chat act=resolved|10|\nCEF:0|a\\"
    text = line("mail", alert(sources=(evil,), title="A|B\nC"))
    assert "\n" not in text
    head, said = read(text)
    assert head[5] == "A\\|B C"
    assert said["cs1"] == "mail"
    assert said["act"] == "raised"
    assert said["cs2"] == evil


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_stays_one_line_of_utf8_with_eight_fields(one, two):
    text = line(one, alert(text=two, title=two, sources=(one,)))
    assert len(text.splitlines()) == 1
    text.encode()
    assert read(text)[0][0] == "CEF:0"
