"""A ledger in a folder: what is written into it comes back, and nothing else does."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from foretaste.errors import BadInput
from foretaste.ledger.book import Book
from foretaste.ledger.dsse import sealed
from foretaste.ledger.event import Event, Thing, statement
from foretaste.ledger.keys import SigningKey, read_key
from foretaste.ledger.policy import Policy
from foretaste.ledger.refusals import (
    Forked,
    LedgerRefused,
    MalformedEntry,
    RolledBack,
    TooFewWitnesses,
    UnknownSigner,
    WrongSignature,
)


def event(i, **facts):
    thing = Thing("dataset", f"rows-{i}.csv", {"sha256": f"{i:064x}"})
    return Event("scan_verdict", (), (thing,), {"verdict": "clean", **facts})


@pytest.fixture
def book(tmp_path):
    return Book.create(tmp_path / "ledger", "example.com/data", "alice")


def test_events_come_back_in_order_with_their_places(book):
    assert book.record(event(0), event(1)) == range(2)
    assert book.record(event(2)) == range(2, 3)
    found = list(Book.open(book.folder).events())
    assert [index for index, _ in found] == [0, 1, 2]
    assert [one.used[0].name for _, one in found] == ["rows-0.csv", "rows-1.csv", "rows-2.csv"]
    assert book.event(1) == found[1][1]
    assert [index for index, _ in book.events(1, 99)] == [1, 2]


def test_a_new_ledger_is_empty_and_sound(book):
    assert book.verify().size == 0
    assert list(book.events()) == []


def test_keys_are_for_their_owner_alone_and_are_not_the_log_s_files(book):
    for name in ("log", "author"):
        assert (book.folder / "keys" / f"{name}.key").stat().st_mode & 0o77 == 0
    public = [path for path in (book.folder / "log").rglob("*") if path.is_file()]
    secret = read_key(book.folder / "keys" / "log.key").text.encode()
    assert all(secret not in path.read_bytes() for path in public)


def test_a_ledger_is_not_made_where_something_is(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(BadInput, match="a folder of its own"):
        Book.create(tmp_path, "example.com/data", "alice")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_no_ledger_is_named_with_what_makes_one(tmp_path):
    with pytest.raises(BadInput, match="ledger init"):
        Book.open(tmp_path)


@pytest.mark.parametrize("content", ["", "origin = 3", "log = [", 'origin = "x"\nlog = "log"\n'])
def test_broken_settings_are_refused(book, content):
    (book.folder / "ledger.toml").write_text(content)
    with pytest.raises(BadInput):
        Book.open(book.folder)


def test_what_an_author_signed_elsewhere_is_taken(book):
    key = read_key(book.folder / "keys" / "author.key")
    assert book.append([sealed(statement(event(7)), key).content]) == range(1)
    assert book.event(0).used[0].name == "rows-7.csv"


def test_strangers_changed_statements_and_other_things_are_not_taken(book):
    key, stranger = read_key(book.folder / "keys" / "author.key"), SigningKey.new("eve")
    told = statement(event(7))
    good = sealed(told, key)
    for content, why in (
        (sealed(told, stranger).content, UnknownSigner),
        (good.content.replace(b'"payload":"ey', b'"payload":"ez'), WrongSignature),
        (sealed(b"{}", key).content, MalformedEntry),
        (sealed(told, key, "text/plain").content, MalformedEntry),
        (b"hello", MalformedEntry),
    ):
        with pytest.raises(why):
            book.append([good.content, content])
    assert book.checkpoint().size == 0


def test_a_statement_that_is_too_long_says_what_to_do(book):
    with pytest.raises(MalformedEntry, match="its digest into the ledger"):
        book.record(event(0), event(1, text="x" * 60_000))
    assert book.checkpoint().size == 0


def test_a_proof_convinces_whoever_has_the_policy_and_nobody_of_another_entry(book):
    book.record(*map(event, range(9)))
    policy = Policy.read((book.folder / "policy").read_bytes())
    proof, entry = book.proof(5), book.entry(5)
    assert proof.check(entry, policy).size == 9
    with pytest.raises(LedgerRefused):
        proof.check(book.entry(6), policy)


@pytest.mark.parametrize("which", ["tile/entries/000.p/9", "tile/0/000.p/9", "checkpoint"])
def test_a_changed_byte_is_refused_by_everything_that_reads_it(book, which):
    book.record(*map(event, range(9)))
    path = book.folder / "log" / which
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    asked = [book.verify, lambda: list(book.events())]
    asked += [] if "entries" in which else [lambda: book.proof(3)]
    for ask in asked:
        with pytest.raises(LedgerRefused):
            ask()


def test_a_kept_checkpoint_shows_that_a_log_only_grew(book):
    book.record(event(0))
    kept = (book.folder / "log" / "checkpoint").read_bytes()
    book.record(event(1))
    assert book.grown_from(kept).size == 1


def test_a_ledger_that_was_begun_anew_is_told_from_the_old_one(book, tmp_path):
    book.record(event(0), event(1))
    kept = (book.folder / "log" / "checkpoint").read_bytes()
    other = Book.create(tmp_path / "other", "example.com/data", "alice")
    (other.folder / "keys" / "log.key").write_text((book.folder / "keys" / "log.key").read_text())
    (other.folder / "policy").write_bytes((book.folder / "policy").read_bytes())
    for path in sorted((other.folder / "log").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for path in (other.folder / "state").rglob("*"):
        path.unlink()
    other = Book.open(other.folder)
    other.record(event(0))
    with pytest.raises(RolledBack):
        other.grown_from(kept)
    other.record(event(5))
    with pytest.raises(Forked):
        other.grown_from(kept)


def test_a_policy_that_wants_witnesses_is_not_content_without(book):
    book.record(event(0))
    witness = SigningKey.new("w.example", kind=4).verifier.text
    said = (book.folder / "policy").read_text().replace("quorum none\n", "")
    (book.folder / "policy").write_text(f"{said}witness w {witness}\nquorum w\n")
    with pytest.raises(TooFewWitnesses):
        Book.open(book.folder).verify()


def test_writers_at_the_same_time_wait_for_each_other(book):
    with ThreadPoolExecutor(4) as threads:
        places = list(threads.map(lambda i: book.record(event(i), event(i)), range(12)))
    assert sorted(one.start for one in places) == list(range(0, 24, 2))
    names = [one.used[0].name for _, one in book.events()]
    assert all(names[at] == names[at + 1] for at in range(0, 24, 2))


def test_the_checkpoint_is_signed_by_the_log_named_in_the_policy(book):
    book.record(event(0))
    other = SigningKey.new("example.com/data").verifier.text
    (book.folder / "policy").write_text(f"log {other}\nquorum none\n")
    with pytest.raises(UnknownSigner):
        list(Book.open(book.folder).events())


def test_nothing_of_a_ledger_is_needed_to_start_the_program():
    code = "import sys; sys.modules['cryptography'] = None; import foretaste.cli.app"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
