"""Entries of a ledger: signed envelopes around statements about events."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput
from foretaste.ledger.dsse import Envelope, read_json, sealed
from foretaste.ledger.event import (
    ALGORITHMS,
    KINDS,
    THINGS,
    Event,
    Thing,
    read_event,
    statement,
)
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.refusals import MalformedEntry, UnknownSigner, WrongSignature

ALICE = SigningKey.new("alice")
SMS = Thing("dataset", "sms.csv", {"sha256": "0" * 64})

digests = st.text("0123456789abcdef", min_size=64, max_size=64)
things = st.builds(
    Thing,
    st.sampled_from(THINGS),
    st.text(max_size=20),
    st.dictionaries(st.sampled_from(ALGORITHMS), digests, min_size=1),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=5), more),
    max_leaves=6,
)
events = st.builds(
    Event,
    st.sampled_from(KINDS),
    st.lists(things, max_size=3).map(tuple),
    st.lists(things, min_size=1, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=9), plain, max_size=4),
    st.just("2026-11-23T04:05:06Z"),
    st.just("foretaste 0"),
)


@given(events)
def test_an_event_comes_back_as_it_was_written(event):
    assert read_event(statement(event)) == event


@given(events)
def test_a_statement_is_what_in_toto_says_it_is(event):
    said = json.loads(statement(event))
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["subject"]
    assert all(one["digest"] for one in said["subject"])
    assert said["predicateType"].endswith(f"{event.kind}/v1")


def test_an_event_without_a_thing_is_refused():
    with pytest.raises(MalformedEntry, match="0 things"):
        Event("scan_verdict")


@pytest.mark.parametrize("digest", [{}, {"sha256": "0" * 63}, {"sha256": "G" * 64}, {"md5": "0"}])
def test_a_thing_without_a_proper_digest_is_refused(digest):
    with pytest.raises(MalformedEntry):
        Thing("dataset", "sms.csv", digest)


def test_unknown_kinds_are_refused():
    with pytest.raises(MalformedEntry):
        Event("miracle", (SMS,))
    with pytest.raises(MalformedEntry):
        Thing("miracle", "", {"sha256": "0" * 64})


def test_facts_that_json_has_no_words_for_are_refused():
    with pytest.raises(BadInput):
        statement(Event("scan_verdict", (), (SMS,), {"score": float("nan")}))


def test_a_sealed_statement_is_opened_by_whoever_trusts_its_author():
    event = Event("scan_verdict", (), (SMS,), {"verdict": "clean"})
    envelope = Envelope.read(sealed(statement(event), ALICE).content)
    assert envelope.checked([ALICE.verifier]) == (ALICE.verifier,)
    assert read_event(envelope.payload) == event


def test_a_stranger_s_envelope_and_a_changed_one_are_refused_each_by_name():
    envelope = sealed(b"{}", ALICE)
    with pytest.raises(UnknownSigner):
        envelope.checked([SigningKey.new("bob").verifier])
    for changed in (
        Envelope(b"{ }", envelope.kind, envelope.signatures),
        Envelope(b"{}", "text/plain", envelope.signatures),
        Envelope(b"{}", envelope.kind, ((envelope.signatures[0][0], b"x" * 64),)),
    ):
        with pytest.raises(WrongSignature):
            changed.checked([ALICE.verifier])


def test_what_is_signed_is_what_dsse_says():
    envelope = sealed(b"hello world", ALICE, "http://example.com/HelloWorld")
    said = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    ALICE.verifier.check_bytes(said, envelope.signatures[0][1])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"payload": "e30=", "payloadType": "t", "signatures": []}',
        b'{"payload": "e30", "payloadType": "t", "signatures": [{"keyid": "a", "sig": "AA=="}]}',
        b'{"payload": "e30=", "payloadType": 3, "signatures": [{"keyid": "a", "sig": "AA=="}]}',
        b'{"payload": "e30=", "payloadType": "t", "signatures": [{"keyid": 1, "sig": "AA=="}]}',
        b'{"payload": "e30=", "payloadType": "t", "signatures": ["a"]}',
        b'{"payload": "e30=", "payload": "e30=", "payloadType": "t", "signatures": [{"sig": ""}]}',
        b"[" * 60_000,
        b"x" * 70_000,
        b"\xff{}",
    ],
)
def test_what_is_no_envelope_is_refused(content):
    with pytest.raises(MalformedEntry):
        Envelope.read(content)


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(MalformedEntry):
        read_json(b'{"a": NaN}', 100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("predicateType", "https://slsa.dev/provenance/v1"),
        ("subject", []),
        ("subject", "sms.csv"),
        ("subject", [{"name": "a"}]),
        ("predicate", None),
    ],
)
def test_a_statement_of_another_kind_is_refused(field, value):
    said = json.loads(statement(Event("scan_verdict", (SMS,))))
    with pytest.raises(MalformedEntry):
        read_event(json.dumps({**said, field: value}).encode())


def test_an_event_of_a_later_schema_is_refused_with_what_this_program_reads():
    told = statement(Event("scan_verdict", (SMS,))).replace(b"scan_verdict/v1", b"scan_verdict/v2")
    with pytest.raises(MalformedEntry, match="reads 1"):
        read_event(told)
