"""The tree of a log beside the definition in RFC 6962, written down once more."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretaste.ledger import merkle
from foretaste.ledger.refusals import Forked, MalformedProof, WrongInclusion

# leaves and roots that implementations of certificate transparency share
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(entries):
    """Section 2.1 of RFC 6962."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\1" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m, entries):
    """Section 2.1.1."""
    if len(entries) == 1:
        return []
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m, entries, whole=True):
    """Section 2.1.2."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if m <= k:
        return [*proof(m, entries[:k], whole), mth(entries[k:])]
    return [*proof(m - k, entries[k:], False), mth(entries[:k])]


def entries(n):
    return [b"%d" % i for i in range(n)]


def hashes(all_entries):
    return lambda height, index: mth(all_entries[index << height : (index + 1) << height])


def test_roots_are_those_that_other_implementations_have():
    for n, wanted in enumerate(ROOTS, 1):
        assert merkle.root(n, hashes(LEAVES)).hex() == wanted


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert merkle.root(0, hashes([])) == mth([])


@pytest.mark.parametrize("n", range(1, 40))
def test_every_proof_of_inclusion_is_that_of_the_definition_and_is_accepted(n):
    known = entries(n)
    for m in range(n):
        found = merkle.inclusion(m, n, hashes(known))
        assert list(found) == path(m, known)
        merkle.check_inclusion(merkle.leaf_hash(known[m]), m, n, found, mth(known))


@pytest.mark.parametrize("n", range(1, 40))
def test_every_proof_of_consistency_is_that_of_the_definition_and_is_accepted(n):
    known = entries(n)
    for m in range(1, n + 1):
        found = merkle.consistency(m, n, hashes(known))
        assert list(found) == proof(m, known)
        merkle.check_consistency(m, mth(known[:m]), n, mth(known), found)


def test_every_log_has_grown_from_the_empty_one():
    merkle.check_consistency(0, merkle.EMPTY, 7, mth(entries(7)), ())
    with pytest.raises(Forked):
        merkle.check_consistency(0, b"x" * 32, 7, mth(entries(7)), ())


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_changed_proof_of_inclusion_is_accepted(data):
    n = data.draw(st.integers(2, 300))
    m = data.draw(st.integers(0, n - 1))
    known = entries(n)
    found = list(merkle.inclusion(m, n, hashes(known)))
    leaf, root = merkle.leaf_hash(known[m]), mth(known)
    which = data.draw(st.integers(0, len(found) + 1))
    flip = bytes([data.draw(st.integers(1, 255))]) + bytes(31)
    if which < len(found):
        found[which] = xor(found[which], flip)
    elif which == len(found):
        leaf = xor(leaf, flip)
    else:
        root = xor(root, flip)
    with pytest.raises(WrongInclusion):
        merkle.check_inclusion(leaf, m, n, found, root)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_changed_proof_of_consistency_is_accepted(data):
    n = data.draw(st.integers(2, 300))
    m = data.draw(st.integers(1, n - 1))
    known = entries(n)
    found = list(merkle.consistency(m, n, hashes(known)))
    roots = [mth(known[:m]), mth(known)]
    which = data.draw(st.integers(0, len(found) + 1))
    flip = bytes([data.draw(st.integers(1, 255))]) + bytes(31)
    if which < len(found):
        found[which] = xor(found[which], flip)
    else:
        roots[which - len(found)] = xor(roots[which - len(found)], flip)
    with pytest.raises(Forked):
        merkle.check_consistency(m, roots[0], n, roots[1], found)


@settings(deadline=None)
@given(st.integers(0, 80), st.integers(0, 80), st.lists(st.binary(min_size=32, max_size=32)))
def test_proofs_of_another_length_are_told_apart_from_wrong_ones(m, n, invented):
    known = entries(n)
    if m < n and len(invented) != len(path(m, known)):
        with pytest.raises(MalformedProof):
            merkle.check_inclusion(b"x" * 32, m, n, invented, mth(known))
    if 0 < m < n and len(invented) != len(proof(m, known)):
        with pytest.raises(MalformedProof):
            merkle.check_consistency(m, mth(known[:m]), n, mth(known), invented)


def test_an_entry_at_another_place_is_not_included():
    known = entries(9)
    found = merkle.inclusion(3, 9, hashes(known))
    with pytest.raises(WrongInclusion):
        merkle.check_inclusion(merkle.leaf_hash(known[3]), 2, 9, found, mth(known))


@pytest.mark.parametrize(("m", "n"), [(5, 5), (-1, 5), (0, 0)])
def test_there_is_no_proof_for_an_entry_that_is_not_there(m, n):
    with pytest.raises(MalformedProof):
        merkle.inclusion(m, n, hashes(entries(5)))


@pytest.mark.parametrize(("m", "n"), [(6, 5), (-1, 5)])
def test_a_log_does_not_shrink(m, n):
    with pytest.raises(MalformedProof):
        merkle.consistency(m, n, hashes(entries(6)))


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
