import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadInput, BadRecord, ForetasteError
from foretaste.ledger.dsse import Envelope
from foretaste.ledger.keys import LOG, SigningKey, write_key
from foretaste.ledger.refusals import WrongSignature
from foretaste.origin.batches import Seen, beside, check_file, following, opened, sign
from foretaste.origin.providers import Provider, Registry
from foretaste.origin.refusals import (
    AlteredContent,
    Equivocated,
    KeyExpired,
    KeyRevoked,
    MalformedCredential,
    OutOfOrder,
    Replayed,
    Stale,
    UnknownProvider,
)
from foretaste.origin.statement import Statement

KEY = SigningKey("acme", LOG, bytes(range(32)))
ACME = Provider(KEY.verifier, frozenset({"acme"}))
KNOWN = Registry((ACME,))


@pytest.fixture
def batch(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nhello,ham\n")
    sign(path, KEY, 0, records=1)
    return path


def test_a_batch_that_was_signed_names_its_provider(batch):
    signed = check_file(batch, KNOWN)
    assert signed.provider.name == "acme"
    assert (signed.statement.sequence, signed.statement.records) == (0, 1)


def test_a_batch_that_was_altered_is_refused(batch):
    batch.write_text(batch.read_text().replace("ham", "spam"))
    with pytest.raises(AlteredContent):
        check_file(batch, KNOWN)


def test_a_batch_without_a_signature_is_refused(batch):
    beside(batch).unlink()
    with pytest.raises(MalformedCredential, match="no signature"):
        check_file(batch, KNOWN)


def test_a_stranger_is_refused(batch):
    with pytest.raises(UnknownProvider):
        check_file(batch, Registry(()))


def test_a_forged_signature_is_refused(batch):
    said = json.loads(beside(batch).read_bytes())
    said["signatures"][0]["sig"] = "A" * 86 + "=="
    beside(batch).write_text(json.dumps(said))
    with pytest.raises(WrongSignature):
        check_file(batch, KNOWN)


def test_a_statement_that_was_altered_is_refused(batch):
    envelope = Envelope.read(beside(batch).read_bytes())
    other = replace(Statement.read(envelope.payload), sequence=9)
    beside(batch).write_bytes(Envelope(other.payload, envelope.kind, envelope.signatures).content)
    with pytest.raises(WrongSignature):
        check_file(batch, KNOWN)


@pytest.mark.parametrize(
    ("provider", "error"),
    [(replace(ACME, until=1.0), KeyExpired), (replace(ACME, revoked=1.0), KeyRevoked)],
)
def test_a_key_whose_time_is_over_is_refused(batch, provider, error):
    with pytest.raises(error):
        check_file(batch, Registry((provider,)))


def test_old_batches_and_those_from_the_future_are_refused(batch):
    now = time.time()
    for moved in (2 * 86_400, -1_000):
        with pytest.raises(Stale):
            check_file(batch, KNOWN, now=now + moved)
    check_file(batch, KNOWN, now=now + 2 * 86_400, fresh=None)


def test_a_batch_that_came_before_is_replayed_and_an_old_one_out_of_order(tmp_path):
    seen, envelopes = Seen(), []
    for number in (0, 5, 7):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"text\n{number}\n")
        sign(path, KEY, number, records=5 if not number else 2)
        envelopes.append(path)
    first, second, third = (check_file(path, KNOWN) for path in envelopes)
    assert [seen.take(one).skipped for one in (first, second)] == [0, 0]
    with pytest.raises(Replayed):
        seen.take(second)
    with pytest.raises(OutOfOrder):
        seen.take(first)
    assert seen.take(third).skipped == 0


def test_a_gap_in_the_numbers_is_told_and_not_refused(batch):
    seen = Seen()
    seen.take(check_file(batch, KNOWN))
    sign(batch, KEY, 11)
    assert seen.take(check_file(batch, KNOWN)).skipped == 10


def test_one_number_on_two_batches_is_a_key_in_two_hands(batch):
    seen = Seen()
    seen.take(check_file(batch, KNOWN))
    batch.write_text("text,label\nother,ham\n")
    sign(batch, KEY, 0)
    with pytest.raises(Equivocated):
        seen.take(check_file(batch, KNOWN))


def test_what_came_is_remembered_on_disk(batch, tmp_path):
    seen, place = Seen.read(tmp_path / "seen.json"), tmp_path / "seen.json"
    seen.take(check_file(batch, KNOWN))
    seen.write(place)
    with pytest.raises(Replayed):
        Seen.read(place).take(check_file(batch, KNOWN))
    place.write_text("{}")
    with pytest.raises(BadRecord):
        Seen.read(place)


def test_no_number_is_given_away_twice(tmp_path):
    key = tmp_path / "acme.key"
    write_key(key, KEY)
    assert [following(key, None, 5), following(key, None, 0), following(key, None, 1)] == [0, 5, 6]
    assert following(key, 100, 1) == 100
    with pytest.raises(BadInput, match="given away"):
        following(key, 7, 1)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_crash_the_reader_of_envelopes(content):
    with pytest.raises(MalformedCredential):
        opened(content, KNOWN, 0.0)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_crash_the_reader_of_statements(content):
    with pytest.raises(MalformedCredential):
        Statement.read(content)


@given(st.data())
def test_an_envelope_with_one_byte_changed_is_refused_or_says_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("b") / "rows.csv"
    path.write_text("text\nhello\n")
    content = bytearray(sign(path, KEY, 3).read_bytes())
    whole = opened(bytes(content), KNOWN, time.time()).statement
    content[data.draw(st.integers(0, 1 << 20)) % len(content)] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = opened(bytes(content), KNOWN, time.time()).statement
    except ForetasteError:
        return
    assert found == whole
