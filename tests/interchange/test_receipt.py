import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import LedgerRefused
from foretaste.interchange.receipt import Received, check_receipt, receipt
from foretaste.ledger.keys import WITNESS, SigningKey
from foretaste.ledger.merkle import leaf_hash, node_hash, root
from foretaste.ledger.refusals import (
    MalformedKey,
    MalformedProof,
    UnknownSigner,
    WrongSignature,
)

cbor2 = pytest.importorskip("cbor2")

GOLDEN = Path(__file__).parents[1] / "golden"
KEY = SigningKey("example.com/log", SigningKey.new("a").kind, bytes(range(32)))
ENTRIES = [f"entry {n}".encode() for n in range(100)]
TRUSTED = [KEY.verifier]


def hashes(height, index):
    if height == 0:
        return leaf_hash(ENTRIES[index])
    return node_hash(hashes(height - 1, 2 * index), hashes(height - 1, 2 * index + 1))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
def test_a_receipt_of_every_entry_is_right_and_of_no_other(size):
    for index in {0, size // 2, size - 1}:
        content = receipt(index, size, hashes, KEY)
        wanted = Received("example.com/log", index, size, root(size, hashes))
        assert check_receipt(content, ENTRIES[index], TRUSTED) == wanted
        with pytest.raises(WrongSignature, match="did not sign the root"):
            check_receipt(content, b"another", TRUSTED)


def test_an_independent_decoder_finds_the_headers_and_checks_the_signature():
    messages = pytest.importorskip("pycose.messages")
    from pycose.headers import KID, Algorithm
    from pycose.keys import OKPKey
    from pycose.keys.curves import Ed25519

    content = receipt(41, 100, hashes, KEY)
    assert content[0] == 0xC0 + 18
    parts = cbor2.loads(content[1:])  # this decoder knows no tag around what is unchangeable
    message = messages.Sign1Message.from_cose_obj(parts, True)
    assert message.phdr[Algorithm].fullname == "EDDSA"
    assert message.phdr[KID].startswith(b"example.com/log+")
    assert message.phdr[395] == 1
    assert message.phdr[15] == {1: "example.com/log", 2: "example.com/log/41@100"}
    size, index, path = cbor2.loads(message.uhdr[396][-1][0])
    assert (size, index, len(path)) == (100, 41, 7)
    message.payload = root(100, hashes)
    message.key = OKPKey(crv=Ed25519, x=KEY.verifier.public)
    assert message.verify_signature()
    message.payload = root(99, hashes)
    assert not message.verify_signature()


def test_an_older_receipt_is_still_right_and_still_written_the_same():
    content = (GOLDEN / "receipt_rfc9942.cose").read_bytes()
    assert check_receipt(content, ENTRIES[41], TRUSTED).size == 100
    assert receipt(41, 100, hashes, KEY) == content


def test_every_changed_byte_is_refused():
    content = receipt(41, 100, hashes, KEY)
    for at in range(len(content)):
        for bit in (1, 0x80):
            broken = bytearray(content)
            broken[at] ^= bit
            with pytest.raises((MalformedProof, UnknownSigner, WrongSignature)):
                check_receipt(bytes(broken), ENTRIES[41], TRUSTED)


def test_another_number_or_size_in_the_proof_is_refused():
    tag = cbor2.loads(receipt(41, 100, hashes, KEY))
    size, index, path = cbor2.loads(tag.value[1][396][-1][0])
    for changed in (
        [size, index + 1, path],
        [size + 1, index, path],
        [size, index, path[:-1]],
        [size, index, [*path, bytes(32)]],
        [size, -1, path],
        [True, index, path],
    ):
        header = {396: {-1: [cbor2.dumps(changed, canonical=True)]}}
        parts = [tag.value[0], header, None, tag.value[3]]
        content = cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)
        with pytest.raises((MalformedProof, WrongSignature)):
            check_receipt(content, ENTRIES[41], TRUSTED)


def test_an_attached_root_is_refused_as_is_anything_after_the_end():
    content = receipt(41, 100, hashes, KEY)
    tag = cbor2.loads(content)
    parts = [*tag.value[:2], root(100, hashes), tag.value[3]]
    with pytest.raises(MalformedProof, match="detached"):
        check_receipt(cbor2.dumps(cbor2.CBORTag(18, parts)), ENTRIES[41], TRUSTED)
    with pytest.raises(MalformedProof, match="after its end"):
        check_receipt(content + b"\0", ENTRIES[41], TRUSTED)


def test_another_log_s_receipt_and_a_witness_s_key_are_refused():
    other = SigningKey.new("example.com/other")
    content = receipt(3, 8, hashes, other)
    with pytest.raises(UnknownSigner, match=r"example\.com/other"):
        check_receipt(content, ENTRIES[3], TRUSTED)
    with pytest.raises(MalformedKey, match="not by a witness"):
        receipt(3, 8, hashes, SigningKey.new("w", WITNESS))
    impostor = SigningKey(KEY.name, KEY.kind, os.urandom(32))
    with pytest.raises(UnknownSigner):
        check_receipt(receipt(3, 8, hashes, impostor), ENTRIES[3], TRUSTED)


def test_a_receipt_is_no_checkpoint():
    signature = cbor2.loads(receipt(3, 8, hashes, KEY)).value[3]
    with pytest.raises(LedgerRefused):
        KEY.verifier.check_bytes(root(8, hashes), signature)


def test_an_entry_that_is_not_there_has_no_receipt():
    with pytest.raises(MalformedProof, match="entry 8 of a log of 8"):
        receipt(8, 8, hashes, KEY)


WORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-3, 400) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | WORDS.map(cbor2.dumps))
def test_rubbish_is_refused_with_a_reason(content):
    with pytest.raises(LedgerRefused):
        check_receipt(content, b"", TRUSTED)


@given(WORDS, WORDS, WORDS, WORDS)
def test_rubbish_in_the_shape_of_a_receipt_is_refused_with_a_reason(header, proofs, payload, name):
    told = {396: {-1: [cbor2.dumps(proofs, canonical=True)]}}
    parts = [cbor2.dumps(header, canonical=True), told, None, b"0" * 64]
    for one in (parts, [parts[0], proofs, payload, name]):
        content = cbor2.dumps(cbor2.CBORTag(18, one), canonical=True)
        with pytest.raises(LedgerRefused):
            check_receipt(content, b"", TRUSTED)


def test_nesting_without_end_is_refused():
    for content in (
        b"\x81" * 60_000,
        b"\xd8\x23" * 30_000,
        b"\x9b" + b"\xff" * 8,
        b"\x00" * 70_000,
    ):
        with pytest.raises(MalformedProof):
            check_receipt(content, b"", TRUSTED)
