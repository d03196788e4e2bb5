"""Policies: what a checkpoint needs to be believed."""

import pytest

from foretaste.errors import LedgerRefused
from foretaste.ledger.keys import LOG, WITNESS, SigningKey
from foretaste.ledger.note import Note
from foretaste.ledger.policy import NONE, Group, Log, Policy, Witness
from foretaste.ledger.refusals import (
    MalformedPolicy,
    TooFewWitnesses,
    UnknownSigner,
    WrongSignature,
)
from tests.ledger.trees import KEY, LATER, NORTH, SOUTH, STRANGER, Tree, policy

TREE = Tree(5)
L, N, S, P = (key.verifier.text for key in (KEY, NORTH, SOUTH, LATER))


def test_a_checkpoint_that_enough_witnesses_signed_is_believed():
    assert policy().check(TREE.note(witnesses=[NORTH, SOUTH]).content) == TREE.checkpoint()
    assert policy(least=1).check(TREE.note(witnesses=[SOUTH]).content).size == 5
    assert policy("north").check(TREE.note(witnesses=[NORTH]).content).size == 5
    assert policy(NONE).check(TREE.note().content).size == 5


def test_too_few_witnesses_are_not_enough():
    with pytest.raises(TooFewWitnesses, match="north"):
        policy().check(TREE.note(witnesses=[NORTH]).content)
    with pytest.raises(TooFewWitnesses):
        policy("south").check(TREE.note(witnesses=[NORTH]).content)
    once = TREE.note(witnesses=[NORTH])
    twice = Note(once.text, (*once.signatures, *once.signatures, NORTH.sign(once.text, 7)))
    with pytest.raises(TooFewWitnesses):
        policy().check(twice.content)


def test_witnesses_alone_are_no_log():
    text = TREE.checkpoint().text
    alone = Note(text, (NORTH.sign(text, 1), SOUTH.sign(text, 1)))
    with pytest.raises(UnknownSigner):
        policy().check(alone.content)
    with pytest.raises(UnknownSigner):
        policy(NONE).check(Tree(5, STRANGER).note().content)


def test_a_log_does_not_sign_for_another():
    other = SigningKey("example.com/other", LOG, b"o" * 32)
    both = Policy(NONE, (Log(KEY.verifier), Log(other.verifier)))
    text = TREE.checkpoint().text  # says example.com/log
    with pytest.raises(UnknownSigner):
        both.check(Note(text, (other.sign(text),)).content)


def test_one_wrong_signature_of_a_known_key_spoils_all():
    note = TREE.note(witnesses=[NORTH, SOUTH])
    elsewhere = Tree(6).checkpoint().text
    for key in (KEY, NORTH):
        with pytest.raises(WrongSignature):
            policy(least=1).check(note.having([key.sign(elsewhere, 1_000)]).content)


def test_what_strangers_signed_does_not_matter():
    stranger = SigningKey("north.example", WITNESS, b"?" * 32)
    note = TREE.note(witnesses=[NORTH, SOUTH, stranger])
    assert policy().check(note.content).size == 5


def test_a_policy_without_logs_asks_for_one_that_is_known_otherwise():
    bare = Policy(NONE)
    with pytest.raises(UnknownSigner):
        bare.check(TREE.note().content)
    assert bare.check(TREE.note().content, [KEY.verifier]).size == 5


def test_groups_of_groups_and_later_witnesses_count():
    said = f"""
    # who must have seen it
    log {L}\thttps://example.com/log
    witness north {N}
      witness south {S} https://south.example/w
    witness later {P}
    group old any north south
    group all-kinds all old later
    quorum all-kinds
    """
    found = Policy.read("".join(line + "\n" for line in said.split("\n")).encode())
    assert found.groups == (
        Group("old", 1, ("north", "south")),
        Group("all-kinds", 2, ("old", "later")),
    )
    assert found.witnesses[1].url == "https://south.example/w"
    assert found.check(TREE.note(witnesses=[SOUTH, LATER]).content).size == 5
    with pytest.raises(TooFewWitnesses):
        found.check(TREE.note(witnesses=[NORTH, SOUTH]).content)


def test_a_policy_is_read_back_as_it_was_written():
    for one in (policy(), policy("north"), Policy(NONE)):
        assert Policy.read(one.content) == one
        assert one.text.encode() == one.content


def test_names_are_octets():
    said = f"witness \xff {N}\ngroup K all \xff\ngroup \xe2\x84\xaa any K\nquorum \xe2\x84\xaa\n"
    content = said.encode("latin-1")
    assert Policy.read(content).content == content.replace(b"all", b"1").replace(b"any", b"1")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [f"log {L}"],
        ["quorum none", "quorum none"],
        ["quorum north"],
        ["quorum"],
        ["quorum none none"],
        ["quorum north", f"witness north {N}"],
        [f"group a all north\nwitness north {N}", "quorum none"],
        [f"witness north {N}", "group a all", "quorum none"],
        [f"witness north {N}", "group a 0 north", "quorum none"],
        [f"witness north {N}", "group a 2 north", "quorum none"],
        [f"witness north {N}", "group a 01 north", "quorum none"],
        [f"witness north {N}", "group a +1 north", "quorum none"],
        [f"witness north {N}", "group a ١ north", "quorum none"],
        [f"witness north {N}", "group a most north", "quorum none"],
        [f"witness north {N}", "group a any north north", "quorum none"],
        [f"witness north {N}", "group a any none", "quorum none"],
        [f"witness north {N}", "group a any a", "quorum none"],
        [f"witness north {N}", "group a any north", "group b any north", "quorum none"],
        [f"witness north {N}", f"witness north {S}", "quorum none"],
        [f"witness north {N}", f"witness again {N}", "quorum none"],
        [f"witness north {N}", "group north any north", "quorum none"],
        [f"witness none {N}", "quorum none"],
        [f"log {L}", f"log {L}", "quorum none"],
        [f"log {N}", "quorum none"],
        [f"witness north {L}", "quorum none"],
        [f"log {KEY.text}", "quorum none"],
        ["log key", "quorum none"],
        [f"log {L} https://a https://b", "quorum none"],
        ["log", "quorum none"],
        ["witnes north", "quorum none"],
        ["quorum none\x0b"],
        ["quorum none\r"],
        ["quorum none\x00"],
        ["quorum none\x7f"],
    ],
)
def test_what_is_no_policy_is_refused(lines):
    with pytest.raises(MalformedPolicy):
        Policy.read("".join(f"{line}\n" for line in lines).encode())


def test_a_key_under_two_names_is_still_one_key():
    again = SigningKey("else.example", WITNESS, NORTH.seed)
    with pytest.raises(MalformedPolicy, match="another witness"):
        Policy(NONE, (), (Witness("a", NORTH.verifier), Witness("b", again.verifier)))


def test_a_last_line_without_an_end_is_refused():
    with pytest.raises(MalformedPolicy, match="add a newline"):
        Policy.read(b"quorum none")


def test_keys_with_names_that_no_note_has_are_refused():
    name = b"\xff+00000000+" + b"A" * 44
    with pytest.raises(MalformedPolicy):
        Policy.read(b"log " + name + b"\nquorum none\n")


def test_a_policy_may_be_large_but_not_endless():
    keys = [SigningKey(f"w{i}.example", WITNESS, b"%032d" % i) for i in range(257)]
    some = tuple(Witness(f"w{i}", key.verifier) for i, key in enumerate(keys))
    assert Policy.read(Policy(NONE, (), some[:256]).content).witnesses == some[:256]
    with pytest.raises(MalformedPolicy, match="257"):
        Policy(NONE, (), some)
    with pytest.raises(MalformedPolicy, match="allowed"):
        Policy.read(b"#" * (1 << 20) + b"\nquorum none\n")


def test_every_refusal_is_one_of_the_ledger():
    with pytest.raises(LedgerRefused):
        policy().check(b"nothing")


WITNESSED = """small.example/log
700
xw5zSZqcGcWQ2YSUvQUOs6ZGvzjJ96OX3OWj/t47JAc=

— small.example/log curSpZkXaSwCGlEpzOWKmPBwYwq31aVw60B+ATGKMhfOh+I0XQp67JZNKlhBhWqeAfUNmMw0pIpWcCTcek6wgQXaDw4=
— aics.example/witness +xkdugAAAABrA77Y6of1B5GVuoisjfpa//k5Fq5zx9Zq1iupWKRewTPVxWARJn4QyLVdcml5iUTYxYc6dDKvotIEwz9ljEBVoKYVCw==
"""  # noqa: E501 - signed by us, and by the witness of another program
BY_GO = """go.example/log
3000
K7z0pnGfQIs/8Gn/5l+ZEYGq1w/fO2oyeeDlDevzV70=

— go.example/log RH0pAofzUPA6J9TuTN+hIYZ2m+WYraDuEb9BY3VbHQMy/dQhWyxnn44Ad4td/0ePtJi1oTY75lMhxud+YhMb5hVPkQo=
"""  # noqa: E501 - root and signature by golang.org/x/mod/sumdb
NAMED = b"""
log small.example/log+72ead2a5+AUSZPvqApYU4nef0XfzFPhbB3VFvmPjYHytmuAZuYR6c
log go.example/log+447d2902+Adfs+VDDdFFp7Iahbuweb/kLqWuofgnbKR6sST0ZwyYT
witness aics aics.example/witness+fb191dba+BGWi38trm2sdtzbMvxYM933MYj4MT5b9v5j114KWWGF4
quorum aics
"""


def test_what_a_witness_of_another_program_signed_is_believed():
    seen = Policy.read(NAMED).check(WITNESSED.encode())
    assert seen.root == Tree(700).checkpoint().root
    with pytest.raises(WrongSignature):
        Policy.read(NAMED).check(WITNESSED.replace("AAABrA7", "AAABrA8").encode())


def test_what_a_log_of_another_program_signed_is_believed():
    tree = Tree(3_000)
    tree.entries = [b"entry %d, written by Go" % number for number in range(3_000)]
    seen = Policy.read(NAMED.replace(b"quorum aics", b"quorum none")).check(BY_GO.encode())
    assert seen.root == tree.checkpoint().root
    with pytest.raises(TooFewWitnesses):
        Policy.read(NAMED).check(BY_GO.encode())
