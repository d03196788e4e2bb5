import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.dsse import IN_TOTO, Envelope
from foretaste.ledger.keys import LOG, SigningKey
from foretaste.ledger.refusals import WrongSignature
from foretaste.origin.batches import Signed
from foretaste.origin.canonical import canonical
from foretaste.origin.providers import Provider, Registry
from foretaste.origin.records import Credentials, opened, signed
from foretaste.origin.refusals import MalformedCredential, UnknownProvider
from foretaste.origin.statement import Statement

KEY = SigningKey("acme", LOG, bytes(range(32)))
ACME = Provider(KEY.verifier, frozenset({"acme"}))
KNOWN = Registry((ACME,))
ROW = {"id": "o-17", "amount": 12.5, "source": "acme", "note": None}


def told(row, source="acme", **more):
    return Credentials(KNOWN, **more).of([row], None if source is None else [source])[0].as_py()


def test_a_signed_record_names_its_signer_number_and_time():
    row = json.loads(json.dumps(signed(ROW, KEY, 17, 1.7e9)))
    found = told(row)
    assert found["fault"] is None
    assert found["signer"].startswith("acme+")
    assert (found["sequence"], found["signed"], found["revoked"]) == (17, 1.7e9, np.inf)


def test_the_same_record_from_another_format_still_fits():
    row = signed({**ROW, "amount": 12.0}, KEY, 17)
    assert told({**row, "amount": 12, "extra": None})["fault"] is None


@pytest.mark.parametrize("field", ["amount", "source", "id", "note", "more"])
def test_any_field_that_was_altered_is_a_wrong_signature(field):
    row = {**signed(ROW, KEY, 17), field: "other"}
    with pytest.raises(WrongSignature):
        opened(row, KNOWN)


@given(st.integers(0, 1 << 50), st.data())
def test_a_signature_with_one_letter_changed_never_passes_as_another(number, data):
    row = signed(ROW, KEY, number, 1.7e9)
    said = row["signature"]
    at = data.draw(st.integers(0, 1 << 20)) % len(said)
    row["signature"] = said[:at] + data.draw(st.characters(codec="ascii")) + said[at + 1 :]
    try:
        statement, _ = opened(row, KNOWN)
    except (MalformedCredential, UnknownProvider, WrongSignature):
        return
    assert (statement.sequence, statement.time) == (number, 1.7e9)


@given(st.text(max_size=200) | st.integers() | st.lists(st.integers()))
def test_nothing_whatever_in_the_field_crashes_the_reader(said):
    found = told({**ROW, "signature": said})
    assert found["fault"]
    assert len(found["fault"].splitlines()) == 1


def test_a_source_with_a_key_has_to_sign():
    assert "not signed" in told(ROW)["fault"]


def test_a_source_without_a_key_is_left_alone_unless_all_have_to_sign():
    assert told(ROW, "someone") is None
    assert told(ROW, None) is None
    assert "every record" in told(ROW, "someone", required=True)["fault"]


@pytest.mark.parametrize("name", ["Acme", " acme", "ACME ", "\uff41cme"])
def test_a_name_that_reads_like_one_with_a_key_has_to_sign_too(name):
    assert "'acme' has a key" in told({**ROW, "source": name}, name)["fault"]


def test_it_is_blind_to_names_in_letters_of_another_script():
    assert told({**ROW, "source": "\u0430cme"}, "\u0430cme") is None


def test_nobody_signs_for_another():
    row = signed({**ROW, "source": "bank"}, KEY, 1)
    assert "may not speak for 'bank'" in told(row, "bank")["fault"]


def test_a_stranger_who_signs_is_a_fault_whatever_the_source():
    row = signed({**ROW, "source": "someone"}, SigningKey.new("evil"), 1)
    assert "not registered" in told(row, "someone")["fault"]


def test_the_signature_may_stand_in_another_field():
    row = signed(ROW, KEY, 1, field="proof")
    assert told(row, field="proof")["fault"] is None


def test_records_of_a_signed_file_are_signed_up_to_as_many_as_were_signed():
    said = Statement("0" * 64, "acme", 40, 2, 1.7e9, "n", "rows.csv")
    looks = Credentials(KNOWN, whole=Signed(said, ACME))
    found = [looks.of([ROW], ["acme"])[0].as_py() for _ in range(3)]
    assert [one["sequence"] for one in found] == [40, 41, None]
    assert "2 were signed" in found[2]["fault"]


def test_the_signature_is_one_of_an_envelope_that_others_can_check():
    """The DSSE envelope that follows from a record and its signature is whole."""
    import base64

    row = signed(ROW, KEY, 17, 1.7e9)
    statement, _ = opened(row, KNOWN)
    who, _, _, content = row["signature"].split(" ")
    envelope = Envelope(statement.payload, IN_TOTO, ((who, base64.b64decode(content)),))
    assert envelope.checked([KEY.verifier]) == (KEY.verifier,)
    said = json.loads(envelope.payload)
    assert said["predicate"]["sequence"] == 17
    assert canonical({name: v for name, v in row.items() if name != "signature"}).startswith(
        b'{"amount"'
    )


def test_a_key_that_changed_hands_has_two_entries_and_both_count():
    new = SigningKey("acme", LOG, bytes(32))
    both = Registry((replace(ACME, until=2e9), Provider(new.verifier, frozenset({"acme"}))))
    rows = [signed(ROW, KEY, 1, 1.7e9), signed(ROW, new, 1, 1.7e9)]
    found = Credentials(both).of(rows, ["acme", "acme"]).to_pylist()
    assert [one["fault"] for one in found] == [None, None]
    assert [one["until"] for one in found] == [2e9, np.inf]
