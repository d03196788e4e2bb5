import shutil
import time
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.errors import BadRecord, NotDurable, NotPublished
from foretaste.ledger import log
from foretaste.ledger.checkpoint import opened
from foretaste.ledger.keys import WITNESS, WITNESS_ML_DSA, SigningKey
from foretaste.ledger.merkle import EMPTY
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import (
    Forked,
    MalformedEntry,
    MissingTile,
    RolledBack,
    UnknownSigner,
    WriterTaken,
    WrongEntry,
    WrongTile,
)
from foretaste.ledger.tiles import needed
from foretaste.ledger.writer import Writer
from tests.ledger.naive import KEY, entries, entry, grown, mth, published, put_back

OTHER = SigningKey.new("example.com/log")


def told(where, key=KEY):
    return opened((Path(where) / "checkpoint").read_bytes(), [key.verifier])[0]


def test_a_new_log_is_empty_and_says_so(tmp_path):
    with Writer(tmp_path / "log", KEY) as writer:
        assert writer.size == 0
    assert told(tmp_path / "log") == writer.checkpoint
    assert writer.checkpoint.root == EMPTY


def test_the_tiles_of_70000_entries_are_those_of_the_specification(tmp_path):
    grown(tmp_path, 0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)
    names = set(published(tmp_path)) - {"checkpoint"}
    full = {name for name in names if ".p/" not in name}
    assert len([name for name in full if name.startswith("tile/0/")]) == 273
    assert names - full == {
        "tile/entries/273.p/112",
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert told(tmp_path).root == mth(entries(0, 70_000))


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537])
def test_it_goes_on_from_every_size(tmp_path, size):
    grown(tmp_path, size)
    with Writer(tmp_path, KEY) as writer:
        assert (writer.size, writer.checkpoint.root) == (size, mth(entries(0, size)))
        assert writer.append(entries(size, size + 3)) == range(size, size + 3)
        assert writer.checkpoint.root == mth(entries(0, size + 3))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=8))
def test_however_it_was_appended_it_is_the_same_log(tmp_path_factory, steps):
    where = tmp_path_factory.mktemp("log")
    writer, size = Writer(where, KEY), 0
    for step, again in steps:
        assert writer.append(entries(size, size + step)) == range(size, size + step)
        size += step
        if again:
            writer.close()
            writer = Writer(where, KEY)
    writer.close()
    assert told(where).root == mth(entries(0, size))
    assert list(Reader(where, [KEY.verifier]).entries()) == entries(0, size)
    assert {tile.path for tile in needed(0, size)} <= set(published(where))


def test_each_append_is_published_when_it_returns(tmp_path):
    with Writer(tmp_path, KEY) as writer:
        for size in (1, 256, 300, 700):
            writer.append(entries(writer.size, size))
            assert Reader(tmp_path, [KEY.verifier]).verify().size == size == writer.size


def test_partial_tiles_stay_until_the_full_one_is_there(tmp_path):
    grown(tmp_path, 100, 200)
    partial = {"tile/0/000.p/100", "tile/0/000.p/200", "tile/entries/000.p/100"}
    assert partial <= set(published(tmp_path))
    with Writer(tmp_path, KEY) as writer:
        writer.append(entries(200, 256))
    assert set(published(tmp_path)) == {
        "checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"
    }  # fmt: skip
    assert not (tmp_path / "tile/0/000.p").exists()


def test_no_file_but_the_checkpoint_is_ever_another(tmp_path):
    seen = {}
    with Writer(tmp_path, KEY) as writer:
        for size in (1, 5, 255, 256, 300, 512, 513, 900):
            writer.append(entries(writer.size, size))
            for name, content in published(tmp_path).items():
                assert name == "checkpoint" or seen.setdefault(name, content) == content


def test_the_longest_entry_fits_and_a_longer_one_changes_nothing(tmp_path):
    with Writer(tmp_path, KEY) as writer:
        writer.append([b"x" * 65_535, b""])
        before = published(tmp_path)
        with pytest.raises(MalformedEntry, match="65,536"):
            writer.append([b"fits", b"x" * 65_536])
        assert published(tmp_path) == before
        assert writer.append([b"fits"]) == range(2, 3)


def test_a_second_writer_is_refused(tmp_path):
    with Writer(tmp_path, KEY), pytest.raises(WriterTaken):
        Writer(tmp_path, KEY, state=tmp_path / "elsewhere")
    Writer(tmp_path, KEY).close()


def test_a_closed_writer_writes_no_more(tmp_path):
    writer = Writer(tmp_path, KEY)
    writer.close()
    writer.close()
    with pytest.raises(NotDurable, match="closed"):
        writer.append([b"late"])


def test_another_key_cannot_go_on(tmp_path):
    grown(tmp_path, 10)
    with pytest.raises(UnknownSigner):
        Writer(tmp_path, OTHER)
    with pytest.raises((Forked, UnknownSigner)):
        Writer(tmp_path, SigningKey.new("example.com/another"))
    assert told(tmp_path).size == 10


def test_a_folder_that_was_rolled_back_is_refused(tmp_path):
    grown(tmp_path, 300)
    old = published(tmp_path)
    grown(tmp_path, 600)
    put_back(tmp_path, old)
    with pytest.raises(RolledBack, match="300 entries are published, 600 were made durable"):
        Writer(tmp_path, KEY)
    assert published(tmp_path) == old


def test_a_state_kept_elsewhere_sees_a_folder_rolled_back_with_all_it_holds(tmp_path):
    where, state, old = tmp_path / "log", tmp_path / "state", tmp_path / "old"
    for size in (300, 600):
        with Writer(where, KEY, state=state) as writer:
            writer.append(entries(writer.size, size))
        if size == 300:
            shutil.copytree(where, old)
    shutil.rmtree(where)
    old.rename(where)
    with pytest.raises(RolledBack):
        Writer(where, KEY, state=state)


def test_a_folder_rolled_back_with_its_state_is_not_seen_here(tmp_path):
    """The blind spot that witnesses are for."""
    where, old = tmp_path / "log", tmp_path / "old"
    grown(where, 300)
    shutil.copytree(where, old)
    grown(where, 600)
    shutil.rmtree(where)
    old.rename(where)
    with Writer(where, KEY) as writer:
        assert writer.size == 300


def test_a_folder_rolled_back_under_a_writer_is_refused(tmp_path):
    with Writer(tmp_path, KEY) as writer:
        writer.append(entries(0, 300))
        old = published(tmp_path)
        writer.append(entries(300, 600))
        put_back(tmp_path, old)
        with pytest.raises(RolledBack):
            writer.append([b"more"])
        (tmp_path / "checkpoint").unlink()
        with pytest.raises(RolledBack):
            writer._log.unchanged()


def other_tree(where, size):
    """Another log with the same key in the same place."""
    shutil.rmtree(where)
    with Writer(where, KEY) as writer:
        writer.append([b"other", *entries(1, size)])
    return published(where)


@pytest.mark.parametrize("size", [600, 700])
def test_a_log_that_another_wrote_is_refused_and_left_alone(tmp_path, size):
    forked = other_tree(grown(tmp_path / "other", 1), size)
    grown(tmp_path / "log", 600)
    put_back(tmp_path / "log", forked)
    with pytest.raises(Forked):
        Writer(tmp_path / "log", KEY)
    assert published(tmp_path / "log") == forked


@pytest.mark.parametrize("size", [600, 700])
def test_a_log_that_another_wrote_meanwhile_is_refused_and_left_alone(tmp_path, size):
    forked = other_tree(grown(tmp_path / "other", 1), size)
    with Writer(tmp_path / "log", KEY) as writer:
        writer.append(entries(0, 600))
        put_back(tmp_path / "log", forked)
        with pytest.raises(Forked):
            writer.append([b"more"])
        assert published(tmp_path / "log") == forked


def test_two_states_for_one_folder_are_noticed(tmp_path):
    for name in "ab":
        with Writer(tmp_path / "log", KEY, state=tmp_path / name) as writer:
            writer.append([name.encode()])
    with pytest.raises(Forked, match="another one wrote"):
        Writer(tmp_path / "log", KEY, state=tmp_path / "a")


def test_tiles_without_a_checkpoint_are_not_written_over(tmp_path):
    grown(tmp_path, 10)
    shutil.rmtree(tmp_path / ".writer")
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(RolledBack, match="tiles and no checkpoint"):
        Writer(tmp_path, KEY)


def test_a_folder_without_its_state_is_gone_on_with(tmp_path):
    grown(tmp_path, 300)
    shutil.rmtree(tmp_path / ".writer")
    with Writer(tmp_path, KEY) as writer:
        assert writer.append([b"more"]) == range(300, 301)


def test_a_state_of_another_log_is_refused(tmp_path):
    Writer(tmp_path / "log", KEY, state=tmp_path / "state").close()
    with pytest.raises(Forked, match="belongs to the log"):
        Writer(tmp_path / "new", SigningKey.new("example.com/new"), state=tmp_path / "state")


def changed(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("tile/0/001.p/44", WrongTile),
        ("tile/1/000.p/1", WrongTile),
        ("tile/entries/001.p/44", WrongEntry),
    ],
)
def test_a_changed_or_missing_edge_is_refused(tmp_path, name, error):
    grown(tmp_path, 300)
    changed(tmp_path / name)
    with pytest.raises(error):
        Writer(tmp_path, KEY)
    (tmp_path / name).unlink()
    with pytest.raises(MissingTile, match=name):
        Writer(tmp_path, KEY)


def test_a_damaged_journal_is_refused(tmp_path):
    grown(tmp_path, 300)
    changed(tmp_path / ".writer/journal")  # zeros at its end say nothing
    Writer(tmp_path, KEY).close()
    journal = tmp_path / ".writer/journal"
    journal.write_bytes(b"?" + journal.read_bytes()[1:])
    with pytest.raises(BadRecord):
        Writer(tmp_path, KEY)


def test_the_clock_is_not_looked_at(tmp_path, monkeypatch):
    def broken():
        raise OSError("no clock")

    for name in ("time", "time_ns", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, broken)
    grown(tmp_path, 10)
    grown(tmp_path, 300)
    monkeypatch.undo()
    assert Reader(tmp_path, [KEY.verifier]).verify().size == 300


def test_cosignatures_are_published_and_survive_until_the_next_append(tmp_path):
    witness = SigningKey.new("example.com/witness", WITNESS)
    with Writer(tmp_path, KEY) as writer:
        writer.append(entries(0, 10))
        writer.cosign([witness.sign(writer.checkpoint.text, 1)])
        note = writer.cosign([witness.sign(writer.checkpoint.text, 2)])
        assert [one.name for one in note.signatures] == ["example.com/log", "example.com/witness"]
    with Writer(tmp_path, KEY) as writer:
        assert writer.note == note
        assert Reader(tmp_path, [KEY.verifier, witness.verifier]).note() == note
        writer.append([b"more"])
        assert len(writer.note.signatures) == 1


def test_a_cosignature_that_another_process_put_there_is_no_fork(tmp_path):
    witness = SigningKey.new("example.com/witness", WITNESS)
    with Writer(tmp_path, KEY) as writer:
        text = writer.checkpoint.text.encode() + b"\n"
        lines = writer.note.signatures[0].line + witness.sign(writer.checkpoint.text, 1).line
        (tmp_path / "checkpoint").write_bytes(text + lines.encode())
        assert writer.append([b"more"]) == range(0, 1)


def test_each_checkpoint_can_be_signed_by_more_keys(tmp_path):
    second = SigningKey.new("example.com/log", WITNESS_ML_DSA)
    with Writer(tmp_path, KEY, also=[second]) as writer:
        writer.append([b"one"])
    Reader(tmp_path, [second.verifier]).verify()


def test_a_log_in_an_object_store_keeps_its_state_here(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = fsspec.filesystem("memory")
    for size in (10, 300, 700):
        grown("memory://bucket/log", size)
        assert Reader("memory://bucket/log", [KEY.verifier]).verify().size == size
    assert not store.find("bucket/log/.writer")
    assert "/bucket/log/tile/0/000.p/10" not in store.find("/bucket/log")
    old = {path: store.cat_file(path) for path in store.find("/bucket/log")}
    grown("memory://bucket/log", 800)
    store.pipe(old)
    with pytest.raises(RolledBack):
        Writer("memory://bucket/log", KEY)


def test_what_was_written_down_and_not_published_is_published_later(tmp_path, monkeypatch):
    with Writer(tmp_path, KEY) as writer:
        writer.append(entries(0, 10))

        def full(files):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer._log.storage, "write", full)
        with pytest.raises(NotPublished, match="entries 10 to 11") as caught:
            writer.append(entries(10, 12))
        assert caught.value.numbers == range(10, 12)
        assert told(tmp_path).size == writer.size == 10
        with pytest.raises(NotDurable):
            writer.append([entry(12)])
        monkeypatch.undo()
        assert writer.append([entry(12)]) == range(12, 13)
    assert list(Reader(tmp_path, [KEY.verifier]).entries()) == entries(0, 13)


def test_an_object_store_that_fails_in_its_own_way_is_told_apart(tmp_path, monkeypatch):
    class EndpointConnectionError(Exception):
        """As botocore raises."""

    def unreachable(files):
        raise EndpointConnectionError("no route")

    with Writer("memory://unreachable/log", KEY, state=tmp_path) as writer:
        monkeypatch.setattr(writer._log.storage, "write", unreachable)
        with pytest.raises(NotPublished, match="no route"):
            writer.append([b"one"])
        monkeypatch.undo()
        assert writer.append([b"two"]) == range(1, 2)


def test_the_journal_stays_short(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "SETTLE", 10_000)
    with Writer(tmp_path, KEY) as writer:
        for start in range(0, 4_000, 100):
            writer.append(entries(start, start + 100))
            assert (tmp_path / ".writer/journal").stat().st_size < 20_000
        assert not (tmp_path / "tile/0/001.p").exists()
