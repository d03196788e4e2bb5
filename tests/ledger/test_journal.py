import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.errors import BadRecord, LedgerRefused
from foretaste.ledger import journal as frames
from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.journal import Appended, Journal

BASE = Checkpoint("example.com/log", 12, b"r" * 32)
FRAMES = [
    Appended(b"a" * 32, [b"one", b"two"]),
    Appended(b"b" * 32, [b"x" * 3_000]),
    Appended(b"c" * 32, [b"", b""]),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


def written(path, frames=FRAMES):
    """Where each frame ends."""
    journal = Journal.begin(path, BASE)
    ends = [journal.length]
    for frame in frames:
        journal.add(frame)
        ends.append(journal.length)
    journal.close()
    return ends


def test_it_gives_back_what_was_written_down(path):
    written(path)
    journal = Journal.open(path)
    assert journal.base == BASE
    assert journal.appends == FRAMES


def test_where_there_is_none_there_is_none(path):
    assert Journal.open(path) is None


def test_a_new_one_takes_the_place_of_the_old(path):
    written(path)
    Journal.begin(path, Checkpoint("example.com/log", 17, b"s" * 32)).close()
    journal = Journal.open(path)
    assert (journal.base.size, journal.appends) == (17, [])


def test_wherever_it_was_cut_the_frames_before_are_there(path):
    ends = written(path)
    whole = path.read_bytes()
    for cut in [*range(ends[0], ends[1] + 1), *range(ends[1], len(whole), 97)]:
        path.write_bytes(whole[:cut])
        journal = Journal.open(path)
        # the zeros that fill a frame up say nothing
        kept = sum(len(whole[:end].rstrip(b"\0")) <= cut for end in ends[1:])
        assert (
            len(FRAMES[:kept]) <= len(journal.appends) <= sum(end <= cut + 63 for end in ends) - 1
        )
        assert journal.appends == FRAMES[: len(journal.appends)]
        journal.close()


@given(data=st.data())
def test_a_last_frame_of_which_sectors_are_missing_was_never_acknowledged(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("torn") / "journal"
    ends = written(path, FRAMES[:2])
    whole = bytearray(path.read_bytes())
    sectors = range(ends[1] // 512, -(-len(whole) // 512))
    lost = data.draw(st.sets(st.sampled_from(sectors), min_size=1))
    before = bytes(whole[: ends[1]])
    for sector in lost:
        whole[sector * 512 : (sector + 1) * 512] = bytes(len(whole[sector * 512 :][:512]))
    whole[: ends[1]] = before
    path.write_bytes(whole)
    journal = Journal.open(path)
    assert journal.appends in (FRAMES[:1], FRAMES[:2])  # where only the zeros at its end were lost
    journal.close()


def test_after_a_torn_frame_it_goes_on_where_that_began(path):
    ends = written(path)
    os.truncate(path, ends[3] - 64)
    journal = Journal.open(path)
    journal.add(Appended(b"d" * 32, [b"short"]))
    journal.close()
    assert Journal.open(path).appends == [*FRAMES[:2], Appended(b"d" * 32, [b"short"])]


@pytest.mark.parametrize("at", [3, 60, 100])
def test_damage_that_no_crash_does_is_refused(path, at):
    ends = written(path)
    content = bytearray(path.read_bytes())
    content[ends[1] + at] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="damaged at byte"):
        Journal.open(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"FTJ1"])
def test_one_that_does_not_begin_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="does not begin with a checkpoint"):
        Journal.open(path)


@given(st.binary(max_size=300))
def test_whatever_it_holds_is_refused_by_name(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "journal"
    path.write_bytes(content)
    with pytest.raises(BadRecord):
        Journal.open(path)


@given(st.binary(max_size=300), st.booleans())
def test_whatever_follows_its_frames_is_torn_or_damage(tmp_path_factory, content, framed):
    path = tmp_path_factory.mktemp("any") / "journal"
    written(path, FRAMES[:1])
    tail = frames._frame(content) if framed else content
    path.write_bytes(path.read_bytes() + tail)
    try:
        found = Journal.open(path)
    except (BadRecord, LedgerRefused):
        return
    assert found.appends[:1] == FRAMES[:1]
    assert framed or found.appends == FRAMES[:1]


def test_a_write_that_fails_leaves_nothing(path, monkeypatch):
    journal = Journal.begin(path, BASE)
    journal.add(FRAMES[0])
    before = path.read_bytes()
    real = os.pwrite

    def half(handle, content, at):
        real(handle, content[: len(content) // 2], at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OSError, match="No space"):
        journal.add(FRAMES[1])
    monkeypatch.undo()
    assert path.read_bytes() == before
    journal.add(FRAMES[2])
    assert Journal.open(path).appends == [FRAMES[0], FRAMES[2]]


def test_writes_that_take_a_part_are_gone_on_with(path, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: real(handle, content[:7], at))
    written(path)
    monkeypatch.undo()
    assert Journal.open(path).appends == FRAMES
