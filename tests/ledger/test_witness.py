"""Witnesses: what they sign, what they remember, and what they keep against a log."""

import multiprocessing
import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.errors import BadInput, LedgerRefused, NotDurable
from foretaste.ledger import merkle
from foretaste.ledger.checkpoint import Checkpoint, signed
from foretaste.ledger.keys import LOG, SigningKey
from foretaste.ledger.note import Note
from foretaste.ledger.refusals import (
    Forked,
    MalformedNote,
    MalformedProof,
    UnknownSigner,
    WitnessRefused,
    WrongSignature,
)
from foretaste.ledger.witness import ClockBehind, OtherSize, TwoRoots, UnknownLog, Witness
from foretaste.ledger.witness_state import EVIDENCE
from foretaste.ledger.witness_wire import (
    AddCheckpoint,
    read_signature_lines,
    read_size_line,
    signature_lines,
    size_line,
)
from tests.ledger.trees import KEY, LATER, NORTH, SOUTH, STRANGER, Tree

TREE = Tree(30)


@pytest.fixture
def clock():
    return [1_000.0]


@pytest.fixture
def witness(tmp_path, clock):
    made = Witness.new(tmp_path / "witness.db", [NORTH, LATER], lambda: clock[0])
    made.trust(KEY.verifier)
    return made


def stamp(signature):
    return int.from_bytes(signature.content[:8])


def test_it_signs_a_log_that_grows_with_every_key(witness, clock):
    for old, new in [(0, 3), (3, 4), (4, 4), (4, 30)]:
        clock[0] += 10
        got = witness.add(TREE.request(old, new))
        assert [stamp(one) for one in got] == [clock[0]] * 2
        note = TREE.note(new).having(got)
        assert len(note.checked([NORTH.verifier, LATER.verifier])) == 2
        assert witness.latest(KEY.name) == TREE.note(new).content
    assert witness.state.evidence() == []


def test_whoever_remembers_another_size_is_told_the_right_one(witness):
    witness.add(TREE.request(0, 9))
    for old in (0, 8, 10, 30):
        with pytest.raises(OtherSize) as told:
            witness.add(TREE.request(old, 30))
        assert told.value.size == 9
    assert witness.state.evidence() == []
    assert isinstance(told.value, WitnessRefused)


def test_a_log_that_forked_is_refused_and_the_evidence_kept(witness):
    witness.add(TREE.request(0, 9))
    other = Tree(30, fork=5)
    with pytest.raises(TwoRoots):
        witness.add(other.request(9, 9))
    with pytest.raises(Forked):
        witness.add(other.request(9, 12))
    with pytest.raises(OtherSize):
        witness.add(Tree(30, fork=6).request(7, 9))
    found = witness.state.evidence()
    assert [one.why for one in found] == ["two roots", "not grown", "two roots"]
    assert found[0].latest == TREE.note(9).content
    assert Note.read(found[0].request.checkpoint) == other.note(9)
    assert witness.latest(KEY.name) == TREE.note(9).content


def test_a_log_put_back_is_refused_and_the_evidence_kept(witness):
    witness.add(TREE.request(0, 9))
    with pytest.raises(OtherSize):
        witness.add(TREE.request(4, 7))
    with pytest.raises(MalformedProof):
        witness.add(TREE.request(9, 7))
    assert [(one.why, one.at) for one in witness.state.evidence()] == [("shorter", 1_000)]


def test_evidence_is_bounded_and_kept_once(witness):
    tree = Tree(EVIDENCE + 20)
    witness.add(tree.request(0))
    for size in (1, 1, *range(EVIDENCE + 9)):
        with pytest.raises(OtherSize):
            witness.add(tree.request(0, size))
    assert len(witness.state.evidence()) == EVIDENCE


@pytest.mark.parametrize("proof", [(), (bytes(32),), (bytes(32),) * 5])
def test_without_a_proof_that_fits_nothing_is_signed(witness, proof):
    witness.add(TREE.request(0, 9))
    with pytest.raises(Forked):
        witness.add(AddCheckpoint(9, proof, TREE.note(20).content).content)
    assert witness.latest(KEY.name) == TREE.note(9).content


def test_a_proof_where_none_is_due_is_refused(witness):
    with pytest.raises(Forked):
        witness.add(AddCheckpoint(0, (bytes(32),), TREE.note(9).content).content)
    witness.add(TREE.request(0, 9))
    with pytest.raises(Forked):
        witness.add(AddCheckpoint(9, (bytes(32),), TREE.note(9).content).content)


def test_an_empty_log_has_one_root(witness):
    wrong = signed(Checkpoint(KEY.name, 0, bytes(32)), [KEY])
    with pytest.raises(Forked):
        witness.add(AddCheckpoint(0, (), wrong.content).content)
    assert len(witness.add(TREE.request(0, 0))) == 2
    assert len(witness.add(TREE.request(0, 5))) == 2


def test_it_signs_only_what_a_log_it_knows_signed(witness):
    other = Tree(5, SigningKey("example.com/other", LOG, b"o" * 32))
    with pytest.raises(UnknownLog):
        witness.add(other.request(0))
    with pytest.raises(UnknownSigner):
        witness.add(Tree(5, STRANGER).request(0))
    wrong = TREE.note(5).having([KEY.sign(TREE.checkpoint(6).text)])
    with pytest.raises(WrongSignature):
        witness.add(AddCheckpoint(0, (), wrong.content).content)
    assert witness.latest(KEY.name) is None


def test_signatures_of_strangers_are_passed_over_and_not_kept(witness):
    note = TREE.note(5, [SOUTH])
    witness.add(AddCheckpoint(0, (), note.content).content)
    assert witness.latest(KEY.name) == TREE.note(5).content


def test_a_log_may_change_its_key(witness):
    newer = SigningKey(KEY.name, LOG, b"2" * 32)
    witness.add(TREE.request(0, 5))
    witness.trust(newer.verifier)
    assert len(
        witness.add(AddCheckpoint(5, TREE.grown(5, 9), Tree(9, newer).note().content).content)
    )


def test_logs_do_not_share_what_is_remembered(witness):
    other = Tree(5, SigningKey("example.com/other", LOG, b"o" * 32))
    witness.trust(other.key.verifier)
    witness.add(TREE.request(0, 9))
    witness.add(other.request(0))
    assert set(witness.state.logs()) == {KEY.name, other.key.name}
    assert witness.latest(other.key.name) == other.note().content


def test_the_clock_never_goes_backwards_in_what_is_signed(witness, clock):
    witness.add(TREE.request(0, 5))
    clock[0] = 970.0
    assert stamp(witness.add(TREE.request(5, 6))[0]) == 1_000
    clock[0] = 900.0
    with pytest.raises(ClockBehind, match="100 s"):
        witness.add(TREE.request(6, 7))
    assert witness.latest(KEY.name) == TREE.note(6).content
    clock[0] = 1_005.0
    assert stamp(witness.add(TREE.request(6, 7))[0]) == 1_005


def test_a_restart_forgets_nothing(witness, tmp_path):
    witness.add(TREE.request(0, 9))
    again = Witness(tmp_path / "witness.db", [LATER, NORTH])
    with pytest.raises(OtherSize):
        again.add(TREE.request(0, 9))
    assert len(again.add(TREE.request(9, 12))) == 2


def test_a_state_that_is_gone_is_not_made_anew_by_itself(witness, tmp_path):
    (tmp_path / "witness.db").unlink()
    with pytest.raises(BadInput, match="must not sign again"):
        Witness(tmp_path / "witness.db", [NORTH, LATER])
    with pytest.raises(NotDurable):
        witness.add(TREE.request(0, 9))
    assert not (tmp_path / "witness.db").exists()


def test_a_state_belongs_to_its_keys_and_is_made_once(witness, tmp_path):
    with pytest.raises(BadInput, match="other keys"):
        Witness(tmp_path / "witness.db", [SOUTH])
    with pytest.raises(BadInput, match="already"):
        Witness.new(tmp_path / "witness.db", [NORTH, LATER])
    with pytest.raises(BadInput, match="witness"):
        Witness.new(tmp_path / "other.db", [KEY])
    assert not (tmp_path / "other.db").exists()
    (tmp_path / "broken.db").write_bytes(b"no tables at all")
    with pytest.raises(NotDurable):
        Witness(tmp_path / "broken.db", [NORTH])


def test_nothing_is_signed_that_cannot_be_written_down(witness):
    witness.add(TREE.request(0, 5))
    with sqlite3.connect(witness.state.path) as tables:
        tables.execute(
            "CREATE TRIGGER full BEFORE INSERT ON latest "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
    with pytest.raises(NotDurable, match="disk is full"):
        witness.add(TREE.request(5, 9))
    assert witness.latest(KEY.name) == TREE.note(5).content


def test_of_two_futures_only_one_is_signed(witness):
    """Many at once, half of a log and half of its fork: one comes first and shuts out the other."""
    witness.add(TREE.request(0, 9))
    other = Tree(30, fork=20)

    def tried(number):
        tree = (TREE, other)[number % 2]
        try:
            return number % 2, len(witness.add(tree.request(9, 30)))
        except (OtherSize, Forked):
            return number % 2, 0

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(tried, range(16)))
    assert sorted(count for _, count in got) == [0] * 15 + [2]


def _sign_on(path, tree, sizes, told):
    """A process that makes a witness sign size after size, and says what it was given."""
    witness = Witness(path, [NORTH, LATER])
    for old, new in pairwise(sizes):
        witness.add(tree.request(old, new))
        told.send(new)


def test_whatever_was_given_away_survives_being_killed(witness, tmp_path):
    witness.add(TREE.request(0, 1))
    mine, other = multiprocessing.Pipe()
    told = (tmp_path / "witness.db", TREE, range(1, 31), other)
    process = multiprocessing.get_context("fork").Process(target=_sign_on, args=told)
    process.start()
    for _ in range(5):
        assert mine.poll(60)
        given = mine.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while mine.poll():
        given = mine.recv()
    latest = Note.read(witness.latest(KEY.name))
    assert Checkpoint.read(latest.text).size >= given
    assert latest.text == TREE.checkpoint(Checkpoint.read(latest.text).size).text


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", MalformedProof),
        (b"old 0\n\n", MalformedProof),
        (b"old 00\n\nx\n", MalformedProof),
        (b"old -1\n\nx\n", MalformedProof),
        (b"old  1\n\nx\n", MalformedProof),
        (b"new 1\n\nx\n", MalformedProof),
        (b"old 1\nAAAA\n\nx\n", MalformedProof),
        (b"old 1\n" + b"A" * 43 + b"=\n" * 64 + b"\nx\n", MalformedProof),
        (b"old 9223372036854775808\n\nx\n", MalformedProof),
        (b"old 0\n\nx", MalformedProof),
        (b"old 0\n\nx\n", MalformedNote),
        (b"old 0\n\n\n\n", MalformedNote),
        (b"x" * (2 << 20), MalformedProof),
    ],
)
def test_what_is_no_request_is_refused(witness, content, error):
    with pytest.raises(error):
        witness.add(content)


def test_requests_and_answers_are_read_back_as_they_were_written():
    request = AddCheckpoint(3, TREE.grown(3, 9), TREE.note(9).content)
    assert AddCheckpoint.read(request.content) == request
    assert read_size_line(size_line(70_000)) == 70_000
    text = TREE.checkpoint().text
    some = (NORTH.sign(text, 1), LATER.sign(text, 1))
    assert read_signature_lines(signature_lines(some), text) == some


@pytest.mark.parametrize("content", [b"", b"9", b"09\n", b"9\n\n", b" 9\n", b"-1\n", b"\xd9\xa1\n"])
def test_an_answer_without_a_size_is_refused(content):
    with pytest.raises(WitnessRefused):
        read_size_line(content)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"no\n", b"more text\n\n\xe2\x80\x94 a AAAAAAAA\n"]
)
def test_an_answer_without_signatures_is_refused(content):
    with pytest.raises(WitnessRefused):
        read_signature_lines(content, TREE.checkpoint().text)


FORKS = (TREE, Tree(30, fork=0), Tree(30, fork=11), Tree(30, fork=29))
ASKED = st.tuples(
    st.sampled_from(range(len(FORKS))), st.integers(0, 30), st.integers(0, 30), st.integers(-90, 90)
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ASKED, max_size=25))
def test_whatever_is_asked_what_it_signs_is_one_log_that_grows(asked):
    """The newest size is always asked from, too, so that some requests are right."""
    clock = [5_000]
    with TemporaryDirectory() as folder:
        witness = Witness.new(Path(folder) / "witness.db", [NORTH], lambda: clock[0])
        witness.trust(KEY.verifier)
        signed_last, time, size = TREE.checkpoint(0), 0, 0
        for fork, old, new, later in asked:
            clock[0] += later
            tree, old = FORKS[fork], size if old % 2 else old
            try:
                got = witness.add(tree.request(old, new))
            except (LedgerRefused, NotDurable):
                assert witness.latest(KEY.name) in (None, signed(signed_last, [KEY]).content)
                continue
            seen = tree.checkpoint(new)
            assert seen.size >= signed_last.size
            merkle.check_consistency(size, signed_last.root, new, seen.root, tree.grown(size, new))
            assert stamp(got[0]) >= time
            signed_last, time, size = seen, stamp(got[0]), new
