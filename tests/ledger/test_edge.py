from hypothesis import given
from hypothesis import strategies as st

from foretaste.ledger.edge import Edge, over
from foretaste.ledger.tiles import needed
from tests.ledger.naive import entries, mth


@given(st.lists(st.integers(0, 400), max_size=6))
def test_it_grows_as_the_tree_does_and_writes_the_tiles_that_are_needed(steps):
    edge = Edge()
    for step in steps:
        old = edge.size
        files = edge.grow(entries(old, old + step))
        assert edge.root == mth(entries(0, edge.size))
        assert set(files) == {tile.path for tile in needed(old, edge.size)}


@given(st.integers(0, 900))
def test_it_is_told_by_its_last_tiles_alone(size):
    edge = Edge()
    edge.grow(entries(0, size))
    again = Edge.of(size, edge.tails, edge.bundle)
    assert again == edge
    more = entries(size, size + 300)
    assert again.grow(more) == edge.grow(more)
    assert again.root == edge.root


def test_a_copy_grows_by_itself():
    edge = Edge()
    edge.grow(entries(0, 300))
    before = edge.root
    copy = edge.copy()
    copy.grow(entries(300, 700))
    assert (edge.size, edge.root, len(edge.bundle)) == (300, before, 300 - 256)


def test_files_do_not_depend_on_how_entries_were_batched():
    once, files = Edge(), {}
    whole = once.grow(entries(0, 66_000))
    edge = Edge()
    for start in range(0, 66_000, 1_000):
        files |= edge.grow(entries(start, start + 1_000))
    assert edge == once
    assert all(files[path] == content for path, content in whole.items())


def test_what_is_in_memory_grows_with_the_logarithm():
    edge = Edge()
    edge.grow(b"" for _ in range(70_000))
    assert len(edge.tails) == 3
    assert sum(map(len, edge.tails)) + len(edge.bundle) + len(edge.peaks) < 5 * 256


def test_the_hash_over_one_hash_is_itself():
    assert over([b"a" * 32]) == b"a" * 32
