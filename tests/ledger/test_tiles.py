"""Tiles: paths, and which of them a log of some size has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.refusals import MalformedEntry, MalformedTile
from foretaste.ledger.tiles import (
    ENTRIES,
    LONGEST,
    Tile,
    at,
    needed,
    pack_entries,
    unpack_entries,
    unpack_hashes,
    width,
)

tiles = st.builds(Tile, st.integers(-1, 63), st.integers(0, 1 << 60), st.integers(1, 256))


@given(tiles)
def test_a_path_names_its_tile(tile):
    assert Tile.read(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/07",
        "tile/0/001/002",
        "tile/entries/../../secret",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "checkpoint",
        "",
    ],
)
def test_any_other_path_is_refused(path):
    with pytest.raises(MalformedTile):
        Tile.read(path)


def test_a_log_of_70000_has_the_tiles_that_the_specification_counts():
    found = list(needed(0, 70_000))
    at_level = {
        level: [t.width for t in found if t.level == level] for level in (ENTRIES, 0, 1, 2, 3)
    }
    assert at_level[0] == [256] * 273 + [112] == at_level[ENTRIES]
    assert at_level[1] == [256, 17]
    assert at_level[2] == [1]
    assert at_level[3] == []


def test_a_log_of_256_has_a_full_tile_and_one_hash_above():
    assert [t.path for t in needed(0, 256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]


@given(st.lists(st.integers(0, 70_000), min_size=2, max_size=4).map(sorted))
def test_growing_in_steps_writes_every_tile_of_the_last_size(sizes):
    whole = set(needed(0, sizes[-1]))
    steps = {t for old, new in zip([0, *sizes[:-1]], sizes, strict=True) for t in needed(old, new)}
    assert whole <= steps
    assert all(width(t.level, t.index, sizes[-1]) >= t.width for t in steps)


@given(st.integers(1, 1 << 40), st.integers(0, 40), st.integers(0, 1 << 40))
def test_the_hash_of_a_complete_subtree_is_in_a_tile_that_is_there(size, height, index):
    if (index + 1) << height > size:
        return
    tile, start, stop = at(height, index, size)
    assert 0 <= start < stop <= tile.width == width(tile.level, tile.index, size)
    assert (tile.index * 256 + start) << (8 * tile.level) == index << height


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_gives_its_entries_back(entries):
    assert unpack_entries(pack_entries(entries), len(entries)) == entries


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=9), st.data())
def test_a_bundle_that_was_cut_or_grew_is_refused(entries, data):
    content = pack_entries(entries)
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    for wrong in (cut, content + b"\0", content + b"\0\0"):
        with pytest.raises(MalformedTile):
            unpack_entries(wrong, len(entries))


def test_the_longest_entry_fits_and_a_longer_one_does_not():
    assert unpack_entries(pack_entries([b"x" * LONGEST]), 1) == [b"x" * LONGEST]
    with pytest.raises(MalformedEntry, match="65,536 bytes"):
        pack_entries([b"x" * (LONGEST + 1)])


def test_hashes_of_another_number_are_refused():
    assert unpack_hashes(b"a" * 64, 2) == [b"a" * 32] * 2
    with pytest.raises(MalformedTile):
        unpack_hashes(b"a" * 63, 2)
