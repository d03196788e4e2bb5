"""The Merkle tree of a log: its root, and short proofs about it, by RFC 6962 and RFC 9162.

A tree over n leaves is made of complete subtrees: `hashes(height, index)` is the hash of the one
over leaves `index << height` to `(index + 1) << height`. Whoever has those hashes can give the root
of every size up to n, prove that a leaf is in it and that one size only grew into another, each
from O(log n) of them. Checking needs none.

References
----------
Laurie, Langley, Kasper (2013). Certificate Transparency. RFC 6962, section 2.1.
Laurie, Messeri, Stradling (2021). Certificate Transparency Version 2.0. RFC 9162, section 2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from foretaste.ledger.refusals import Forked, MalformedProof, WrongInclusion

Hashes = Callable[[int, int], bytes]

LENGTH = 32  # bytes of a hash
EMPTY = hashlib.sha256().digest()  # the root over no leaves


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry.

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two hashes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def complete(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """(height, index) of the largest complete subtrees over leaves start to stop, from the left.

    start: must be a multiple of the largest power of two that is at most `stop - start`

    >>> list(complete(0, 7)), list(complete(8, 9))
    ([(2, 0), (1, 2), (0, 6)], [(0, 8)])
    """
    while start < stop:
        height = (stop - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def root(size: int, hashes: Hashes) -> bytes:
    """The root over the first `size` leaves."""
    return EMPTY if size == 0 else subtree(0, size, hashes)


def subtree(start: int, stop: int, hashes: Hashes) -> bytes:
    """The hash over leaves start to stop, at least one, as a proof needs it."""
    return joined([hashes(height, index) for height, index in complete(start, stop)])


def joined(parts: Sequence[bytes]) -> bytes:
    """One hash of the hashes of ever smaller complete subtrees, at least one."""
    found = parts[-1]
    for left in reversed(parts[:-1]):
        found = node_hash(left, found)
    return found


def inclusion(index: int, size: int, hashes: Hashes) -> tuple[bytes, ...]:
    """The proof that a leaf is in the tree: siblings from the leaf up.

    Raises `MalformedProof` where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise MalformedProof(f"entry {index} of a log of {size}; the first is 0")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _half(stop - start)
        if index < middle:
            path.append(subtree(middle, stop, hashes))
            stop = middle
        else:
            path.append(subtree(start, middle, hashes))
            start = middle
    return tuple(reversed(path))


def consistency(old: int, new: int, hashes: Hashes) -> tuple[bytes, ...]:
    """The proof that the first `old` of `new` leaves were not changed; empty where nothing can be.

    Raises `MalformedProof` where `old` is the larger, or negative.
    """
    if not 0 <= old <= new:
        raise MalformedProof(f"a log of {new} entries cannot have grown from {old}")
    if old in (0, new):
        return ()
    path: list[bytes] = []
    start, stop, whole = 0, new, True
    while stop != old:
        middle = start + _half(stop - start)
        if old <= middle:
            path.append(subtree(middle, stop, hashes))
            stop = middle
        else:
            path.append(subtree(start, middle, hashes))
            start, whole = middle, False
    if not whole:
        path.append(subtree(start, stop, hashes))
    return tuple(reversed(path))


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """That a leaf's hash stands at an index of the tree with this root.

    Raises `MalformedProof` for a proof that no such tree has, `WrongInclusion` for a wrong one.
    """
    if led_to(leaf, index, size, proof) != root:
        raise WrongInclusion(
            f"entry {index} is not in the log of {size} whose root is {root.hex()[:16]}…; "
            "the entry, its number or the proof was changed"
        )


def led_to(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a leaf's hash and a proof lead to; it says nothing until it is compared.

    Raises `MalformedProof` for a proof that no such tree has.
    """
    if not 0 <= index < size:
        raise MalformedProof(f"entry {index} of a log of {size}; the first is 0")
    inner = (index ^ (size - 1)).bit_length()
    wanted = inner + (index >> inner).bit_count()
    _fits(proof, wanted)
    found = leaf
    for at, sibling in enumerate(proof):
        left = at >= inner or index >> at & 1
        found = node_hash(sibling, found) if left else node_hash(found, sibling)
    return found


def check_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """That a tree of `old` leaves only grew into one of `new`.

    Raises `MalformedProof` for a proof that no such trees have, `Forked` where they differ.
    """
    if not 0 <= old <= new:
        raise MalformedProof(f"a log of {new} entries cannot have grown from {old}")
    if old in (0, new):
        _fits(proof, 0)
        grown = (EMPTY, new_root) if old == 0 else (new_root, new_root)
    else:
        grown = _grown(old, old_root, new, proof)
    if grown != (old_root, new_root):
        raise Forked(
            f"the log of {new} entries did not grow from the one of {old} whose root is "
            f"{old_root.hex()[:16]}…: entries were changed, or the proof was"
        )


def _grown(old: int, old_root: bytes, new: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees, as the proof has them."""
    shift = (old & -old).bit_length() - 1  # the old tree ends in a complete subtree this high
    at, last = (old - 1) >> shift, (new - 1) >> shift
    inner = (at ^ last).bit_length()  # from here up, both trees lie right of the same subtrees
    path = tuple(proof) if at else (old_root, *proof)  # one complete subtree needs no first hash
    _fits(path, 1 + inner + (at >> inner).bit_count())
    first = second = path[0]
    for height, sibling in enumerate(path[1:]):
        if height >= inner or at >> height & 1:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
        else:
            second = node_hash(second, sibling)
    return first, second


def _fits(proof: Sequence[bytes], wanted: int) -> None:
    if len(proof) != wanted or any(len(one) != LENGTH for one in proof):
        raise MalformedProof(
            f"a proof of {len(proof)} hashes; these trees ask for {wanted} of {LENGTH} bytes"
        )


def _half(width: int) -> int:
    """The largest power of two below a width of at least two."""
    return 1 << ((width - 1).bit_length() - 1)
