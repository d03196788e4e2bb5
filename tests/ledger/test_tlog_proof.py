"""Proofs that are checked offline, by anybody."""

import base64

import pytest

from foretaste.ledger.refusals import (
    MalformedNote,
    MalformedProof,
    TooFewWitnesses,
    UnknownSigner,
    WrongInclusion,
    WrongSignature,
)
from foretaste.ledger.tlog_proof import TlogProof
from tests.ledger.trees import NORTH, STRANGER, Tree, policy

TREE = Tree(21)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 21])
def test_every_entry_of_a_log_is_proved(size):
    tree = Tree(size)
    for index, entry in enumerate(tree.entries):
        proof = TlogProof.read(tree.proof(index).content)
        assert proof.check(entry, policy()) == tree.checkpoint()


def test_a_proof_is_read_back_as_it_was_written():
    for extra in (b"", b"\0 anything"):
        proof = TREE.proof(13, extra=extra)
        assert TlogProof.read(proof.content) == proof
    assert b"\nextra AGFueQ==\nindex 3\n" in TREE.proof(3, extra=b"\0any").content


def test_another_entry_or_another_number_is_refused():
    for index in (12, 13):
        with pytest.raises(WrongInclusion):
            TREE.proof(index).check(b"another", policy())
    moved = TlogProof(12, TREE.proof(13).hashes, TREE.proof(13).checkpoint)
    with pytest.raises(WrongInclusion):
        moved.check(TREE.entries[13], policy())
    with pytest.raises(MalformedProof):
        TlogProof(21, moved.hashes, moved.checkpoint).check(b"", policy())


def test_a_changed_hash_is_refused():
    proof = TREE.proof(13)
    for at in range(len(proof.hashes)):
        wrong = list(proof.hashes)
        wrong[at] = bytes(32)
        with pytest.raises(WrongInclusion):
            TlogProof(13, tuple(wrong), proof.checkpoint).check(TREE.entries[13], policy())
    for wrong in (proof.hashes[1:], (*proof.hashes, bytes(32)), ()):
        with pytest.raises(MalformedProof):
            TlogProof(13, tuple(wrong), proof.checkpoint).check(TREE.entries[13], policy())


def test_a_checkpoint_that_the_policy_does_not_believe_proves_nothing():
    entry = TREE.entries[4]
    with pytest.raises(TooFewWitnesses):
        TREE.proof(4, witnesses=[NORTH]).check(entry, policy())
    with pytest.raises(UnknownSigner):
        Tree(21, STRANGER).proof(4).check(entry, policy())
    proof = TREE.proof(4)
    other = proof.checkpoint.replace(b"\n21\n", b"\n20\n")
    with pytest.raises(WrongSignature):
        TlogProof(4, proof.hashes, other).check(entry, policy())


def test_the_extra_data_is_not_vouched_for():
    proof = TREE.proof(4, extra=b"signed by nobody")
    assert TlogProof.read(proof.content).check(TREE.entries[4], policy()).size == 21


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
        (b"index 13", b"index 013"),
        (b"index 13", b"index -1"),
        (b"index 13", b"index  13"),
        (b"index 13", b"index 13 "),
        (b"index 13", b"Index 13"),
        (b"index 13", "index ١".encode()),
        (b"index 13", b"index 9223372036854775808"),
        (b"index 13", b"index " + b"9" * 5_000),
        (b"index 13\n", b""),
        (b"index 13", b"extra \nindex 13"),
        (b"index 13", b"extra AA\nindex 13"),
        (b"index 13", b"extra AAAA\nextra AAAA\nindex 13"),
        (b"index 13", b"index 13\n" + base64.b64encode(bytes(31))),
        (b"index 13", b"index 13\n" + b"\n".join([base64.b64encode(bytes(32))] * 64)),
        (b"index 13", b"index 13\r"),
        (b"\n\n", b"\n"),
    ],
)
def test_what_is_no_proof_is_refused(change, to):
    content = TREE.proof(13).content
    assert change in content
    with pytest.raises(MalformedProof):
        TlogProof.read(content.replace(change, to, 1))


def test_what_is_too_long_or_no_note_is_refused():
    content = TREE.proof(13).content
    with pytest.raises(MalformedProof, match="allowed"):
        TlogProof.read(content + b"x" * (2 << 20))
    with pytest.raises(MalformedNote):
        TlogProof.read(content + b"x").check(TREE.entries[13], policy())
