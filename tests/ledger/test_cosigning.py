"""Asking witnesses that lie, and some that do not."""

import pytest

from foretaste.ledger.cosigning import TRIES, Answer, cosigned
from foretaste.ledger.policy import Witness
from foretaste.ledger.refusals import Forked, RolledBack, WitnessRefused, WrongSignature
from foretaste.ledger.witness_wire import SIZE_TYPE, AddCheckpoint, signature_lines
from tests.ledger.trees import NORTH, SOUTH, STRANGER, Tree

TREE = Tree(9)
TEXT = TREE.checkpoint().text
SIZE = (409, SIZE_TYPE)


class Said:
    """Answers as it was told, whatever is asked; keeps what was."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, url, content):
        self.asked.append(AddCheckpoint.read(content))
        status, kind, said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(status, kind, said)


def asked(*posts):
    by_url = {f"http://{at}": post for at, post in enumerate(posts)}
    some = [Witness(key.name, key.verifier, url) for key, url in zip((NORTH, SOUTH), by_url)]  # noqa: B905
    return cosigned(TREE.note(), TREE.grown, some, lambda url, said: by_url[url](url, said))


def good(key):
    return Said((200, "text/plain", signature_lines([key.sign(TEXT, 5)])))


def test_signatures_of_all_are_put_under_the_note():
    got = asked(good(NORTH), good(SOUTH))
    assert [one.name for one in got.note.signatures] == [
        "example.com/log",
        "north.example",
        "south.example",
    ]
    assert not got.refused


def test_the_size_that_a_witness_has_is_taken_and_proved_from():
    lines = signature_lines([NORTH.sign(TEXT, 5)])
    post = Said((*SIZE, b"4\n"), (*SIZE, b"7\n"), (200, "", lines))
    assert len(asked(post).given) == 1
    assert [(one.old, one.hashes) for one in post.asked] == [
        (old, TREE.grown(old, 9)) for old in (0, 4, 7)
    ]


def test_a_witness_that_changes_its_mind_for_ever_is_given_up():
    post = Said((*SIZE, b"4\n"))
    assert isinstance(asked(post).refused["north.example"], WitnessRefused)
    assert len(post.asked) == TRIES


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([(*SIZE, b"10\n")], RolledBack),
        ([(*SIZE, b"9\n"), (409, "application/problem+json", b"two roots")], Forked),
        ([(*SIZE, b"4\n"), (422, "", b"no")], Forked),
    ],
)
def test_a_log_that_was_put_back_or_forked_is_told_after_all_were_asked(answers, error):
    other = good(SOUTH)
    with pytest.raises(error):
        asked(Said(*answers), other)
    assert len(other.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, "", b""), WitnessRefused),
        ((200, "", b"\xff\n"), WitnessRefused),
        ((200, "", signature_lines([SOUTH.sign(TEXT, 5)])), WitnessRefused),
        ((200, "", signature_lines([STRANGER.sign(TEXT)])), WitnessRefused),
        ((200, "", signature_lines([NORTH.sign(Tree(8).checkpoint().text, 5)])), WrongSignature),
        ((*SIZE, b"four\n"), WitnessRefused),
        ((*SIZE, b"9" * 400 + b"\n"), WitnessRefused),
        ((404, "", b"who?"), WitnessRefused),
        ((500, "", b"\xff"), WitnessRefused),
    ],
)
def test_an_answer_that_is_no_signature_is_none(answer, error):
    got = asked(Said(answer), good(SOUTH))
    assert isinstance(got.refused["north.example"], error)
    assert [one.name for one in got.given] == ["south.example"]


def test_what_else_a_witness_says_is_not_taken_over():
    lines = signature_lines([STRANGER.sign(TEXT), NORTH.sign(TEXT, 5), SOUTH.sign(TEXT, 5)])
    got = asked(Said((200, "", lines)))
    assert got.given == (NORTH.sign(TEXT, 5),)


def test_witnesses_without_an_address_are_not_asked():
    got = cosigned(TREE.note(), TREE.grown, [Witness("north", NORTH.verifier)], Said())
    assert got.note == TREE.note()
