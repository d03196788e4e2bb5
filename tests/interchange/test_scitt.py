import pytest

from foretaste.errors import LedgerRefused
from foretaste.interchange.receipt import check_receipt
from foretaste.interchange.scitt import check_statement, signed_statement
from foretaste.interchange.things import ref
from foretaste.ledger.event import statement
from foretaste.ledger.keys import WITNESS, SigningKey
from foretaste.ledger.refusals import MalformedKey, UnknownSigner

cbor2 = pytest.importorskip("cbor2")
KEY = SigningKey("example.com/author", SigningKey.new("a").kind, bytes(range(32)))


def test_every_event_comes_back_from_its_signed_statement(history):
    for _, event in history:
        assert check_statement(signed_statement(event, KEY), [KEY.verifier]) == event


def test_an_independent_decoder_finds_what_scitt_wants_and_checks_the_signature(history, things):
    messages = pytest.importorskip("pycose.messages")
    from pycose.headers import Algorithm
    from pycose.keys import OKPKey
    from pycose.keys.curves import Ed25519

    event = history[2][1]
    parts = cbor2.loads(signed_statement(event, KEY)[1:])
    protected = cbor2.loads(parts[0])
    message = messages.Sign1Message.from_cose_obj(parts, True)
    assert message.phdr[Algorithm].fullname == "EDDSA"
    assert protected[3] == "application/vnd.in-toto+json"
    assert protected[15] == {1: "example.com/author", 2: f"urn:{ref(things['record'])}"}
    assert message.payload == statement(event)
    message.key = OKPKey(crv=Ed25519, x=KEY.verifier.public)
    assert message.verify_signature()


def test_every_changed_byte_is_refused(history):
    content = signed_statement(history[0][1], KEY)
    for at in range(len(content)):
        broken = bytearray(content)
        broken[at] ^= 1
        with pytest.raises(LedgerRefused):
            check_statement(bytes(broken), [KEY.verifier])


def test_others_keys_and_witnesses_keys_are_refused_and_it_is_no_receipt(history):
    content = signed_statement(history[0][1], KEY)
    with pytest.raises(UnknownSigner):
        check_statement(content, [SigningKey.new("example.com/author").verifier])
    with pytest.raises(MalformedKey):
        signed_statement(history[0][1], SigningKey.new("w", WITNESS))
    with pytest.raises(LedgerRefused, match="no receipt"):
        check_receipt(content, b"", [KEY.verifier])
