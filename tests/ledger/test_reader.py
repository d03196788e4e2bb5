import os
import shutil
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.errors import LedgerRefused, UnreadableInput
from foretaste.ledger import tree
from foretaste.ledger.keys import SigningKey
from foretaste.ledger.merkle import check_consistency, check_inclusion, leaf_hash
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import (
    Forked,
    MalformedNote,
    MalformedProof,
    MalformedTile,
    MissingTile,
    RolledBack,
    UnknownSigner,
    WrongEntry,
    WrongSignature,
    WrongTile,
)
from foretaste.ledger.tiles import needed
from foretaste.ledger.writer import Writer
from tests.ledger.naive import KEY, entries, entry, grown, mth, path, proof, published, put_back

SIZE = 70_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return grown(tmp_path_factory.mktemp("large"), 30_000, SIZE)


@pytest.fixture
def copy(large, tmp_path):
    """The large log, to be spoilt: its files are linked, so that a copy costs nothing."""
    shutil.copytree(large, tmp_path / "log", copy_function=os.link)
    return tmp_path / "log"


def reader(where):
    return Reader(where, [KEY.verifier], "example.com/log")


def spoil(where, name, at=0):
    content = bytearray((where / name).read_bytes())
    content[at] ^= 1
    (where / name).unlink()
    (where / name).write_bytes(content)


class Counting:
    """A source that remembers what was read."""

    def __init__(self, source):
        self.source, self.read_paths = source, []

    def read(self, path, most):
        self.read_paths.append(path)
        return self.source.read(path, most)


@settings(max_examples=40)
@given(st.integers(1, 700), st.data())
def test_proofs_are_those_of_rfc_6962(tmp_path_factory, size, data):
    log = reader(grown(tmp_path_factory.mktemp("log"), size))
    leaves = entries(0, size)
    some = data.draw(st.integers(1, size))
    index, old = data.draw(st.integers(0, some - 1)), data.draw(st.integers(0, some))
    assert list(log.inclusion(index, some)) == path(index, leaves[:some])
    assert list(log.consistency(old, some)) == proof(old, leaves[:some])
    assert log.root(some) == mth(leaves[:some])


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, 69_887, 69_888, SIZE - 1])
def test_an_entry_of_a_large_log_is_proven(large, index):
    log = reader(large)
    root = log.checkpoint().root
    assert log.entry(index) == entry(index)
    check_inclusion(leaf_hash(entry(index)), index, SIZE, log.inclusion(index), root)


@pytest.mark.parametrize("old", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE])
def test_a_large_log_is_shown_to_have_grown(large, old):
    log = reader(large)
    found = log.consistency(old)
    check_consistency(old, log.root(old), SIZE, log.checkpoint().root, found)
    assert log.root(old) == mth(entries(0, old))


def test_everything_is_verified_and_counted(large):
    seen = []
    found = reader(large).verify(lambda done, size: seen.append((done, size)))
    levels = [one.level for one in needed(0, SIZE)]
    assert (found.size, found.tiles, found.bundles) == (SIZE, 273 + 1 + 1 + 2, 274)
    assert found.tiles + found.bundles == len(levels)
    assert found.entry_bytes == sum(map(len, entries(0, SIZE)))
    assert seen[0] == (256, SIZE)
    assert seen[-1] == (SIZE, SIZE)
    assert len(seen) == 274


def test_the_walk_reads_each_file_once(large):
    log = reader(large)
    log.source = Counting(log.source)
    log.verify()
    read = log.source.read_paths
    assert sorted(read) == sorted(["checkpoint", *(tile.path for tile in needed(0, SIZE))])


def test_entries_come_in_order_from_anywhere_to_anywhere(large):
    log = reader(large)
    for start, stop in [(0, 0), (0, 1), (255, 257), (256, 512), (69_800, SIZE), (65_000, 66_000)]:
        assert list(log.entries(start, stop)) == entries(start, stop)
    assert next(log.entries()) == entry(0)


def test_a_proof_reads_few_files_and_keeps_few(large, monkeypatch):
    log = reader(large)
    log.source = Counting(log.source)
    log.inclusion(12_345)
    assert len(log.source.read_paths) == 1 + 3 + 2  # checkpoint, the right edge, the way up
    monkeypatch.setattr(tree, "KEPT", 3)
    list(log.entries(0, 5_000))
    assert len(log._tree._kept) <= 3


def test_no_more_memory_is_taken_than_files_have(large):
    log = reader(large)
    log.entry(0)
    tracemalloc.start()
    log.entry(300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


def test_an_empty_log_has_nothing_and_is_verified(tmp_path):
    log = reader(grown(tmp_path, 0))
    assert (log.checkpoint().size, list(log.entries()), log.verify().size) == (0, [], 0)
    with pytest.raises(MalformedProof):
        log.inclusion(0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.entry(SIZE),
        lambda log: log.entry(-1),
        lambda log: list(log.entries(5, 4)),
        lambda log: log.inclusion(SIZE),
        lambda log: log.inclusion(5, 5),
        lambda log: log.inclusion(0, SIZE + 1),
        lambda log: log.consistency(SIZE + 1),
        lambda log: log.consistency(7, 5),
        lambda log: log.hashes(SIZE + 1),
        lambda log: log.hashes(SIZE)(0, SIZE),
        lambda log: log.hashes(SIZE)(8, 273),
        lambda log: log.hashes(SIZE)(17, 0),
        lambda log: log.hashes(SIZE)(0, -1),
    ],
)
def test_what_is_not_in_the_log_is_refused(large, ask):
    with pytest.raises(MalformedProof):
        ask(reader(large))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("tile/0/000", WrongTile),
        ("tile/0/272", WrongTile),
        ("tile/0/273.p/112", WrongTile),
        ("tile/1/000", WrongTile),
        ("tile/1/001.p/17", WrongTile),
        ("tile/2/000.p/1", WrongTile),
        ("tile/entries/000", WrongEntry),
        ("tile/entries/273.p/112", WrongEntry),
    ],
)
@pytest.mark.parametrize("at", [31, -1])
def test_a_changed_byte_is_refused_by_the_name_of_its_file(copy, name, error, at):
    spoil(copy, name, at)
    with pytest.raises(error, match=name):
        reader(copy).verify()


@pytest.mark.parametrize("name", ["tile/0/000", "tile/1/000", "tile/2/000.p/1", "tile/entries/007"])
def test_a_file_that_is_gone_cut_or_longer_is_refused_by_its_name(copy, name):
    content = (copy / name).read_bytes()
    for other in (content[:-1], content + b"\0", b"", content[: len(content) // 2]):
        (copy / name).unlink()
        (copy / name).write_bytes(other)
        with pytest.raises(MalformedTile, match=name):
            reader(copy).verify()
    (copy / name).unlink()
    with pytest.raises(MissingTile, match=name):
        reader(copy).verify()


def test_files_that_do_not_matter_to_a_question_are_not_asked_for(copy):
    spoil(copy, "tile/0/200")
    log = reader(copy)
    assert log.entry(0) == entry(0)
    with pytest.raises(WrongTile):
        log.entry(200 * 256)


def test_the_full_tile_serves_where_the_partial_one_is_gone(tmp_path):
    grown(tmp_path, 300)
    note = (tmp_path / "checkpoint").read_bytes()
    grown(tmp_path, 700)
    (tmp_path / "checkpoint").write_bytes(note)
    assert not (tmp_path / "tile/0/001.p").exists()
    assert reader(tmp_path).verify().size == 300


@pytest.mark.parametrize("at", range(0, 150, 7))
def test_a_changed_checkpoint_is_refused(copy, at):
    spoil(copy, "checkpoint", at)
    with pytest.raises(LedgerRefused):
        reader(copy).checkpoint()


def test_each_fault_of_a_checkpoint_has_its_error(copy, tmp_path):
    with pytest.raises(UnknownSigner):
        Reader(copy, [SigningKey.new("example.com/log").verifier]).checkpoint()
    with pytest.raises(Forked):
        Reader(copy, [KEY.verifier], "example.com/another").checkpoint()
    (tmp_path / "text").write_bytes((copy / "checkpoint").read_bytes().replace(b"70000", b"70001"))
    (tmp_path / "text").replace(copy / "checkpoint")
    with pytest.raises(WrongSignature):
        reader(copy).checkpoint()
    (copy / "checkpoint").write_bytes(b"x" * 3_000_000)
    with pytest.raises(MalformedNote):
        reader(copy).checkpoint()
    (copy / "checkpoint").unlink()
    with pytest.raises(MissingTile, match="checkpoint"):
        reader(copy).checkpoint()
    (copy / "checkpoint").mkdir()
    with pytest.raises(UnreadableInput):
        reader(copy).checkpoint()


def test_one_reader_follows_a_log_that_grows(tmp_path):
    grown(tmp_path, 10)
    log = reader(tmp_path)
    assert log.entry(9) == entry(9)
    grown(tmp_path, 400)
    assert log.entry(399) == entry(399)  # asked for more than it knew, it looked again
    grown(tmp_path, 800)
    assert log.checkpoint().size == 800


def test_one_reader_never_goes_back(tmp_path):
    grown(tmp_path, 300)
    old = published(tmp_path)
    grown(tmp_path, 600)
    log = reader(tmp_path)
    log.checkpoint()
    put_back(tmp_path, old)
    with pytest.raises(RolledBack):
        log.checkpoint()


@pytest.mark.parametrize("size", [300, 600])
def test_one_reader_sees_another_tree(tmp_path, size):
    grown(tmp_path / "log", 300)
    log = reader(tmp_path / "log")
    log.checkpoint()
    with Writer(tmp_path / "other", KEY) as writer:
        writer.append([b"other", *entries(1, size)])
    put_back(tmp_path / "log", published(tmp_path / "other"))
    for _ in range(2):  # it stays with what it knew
        with pytest.raises(Forked):
            log.checkpoint()


def test_a_tile_of_another_place_does_not_pass(copy):
    shutil.copy(copy / "tile/0/001", copy / "spare")
    (copy / "tile/0/002").unlink()
    (copy / "spare").rename(copy / "tile/0/002")
    with pytest.raises(WrongTile, match="tile/0/002"):
        reader(copy).entry(2 * 256)
