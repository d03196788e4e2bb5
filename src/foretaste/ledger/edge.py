"""The right edge of a tree: all that it takes to let a log grow, and to know its root.

A log of n entries is read from the right: of each level the one tile that is not full yet, at most
255 hashes. They are all checked at once, because the root follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from foretaste.ledger.merkle import EMPTY, complete, joined, leaf_hash, node_hash
from foretaste.ledger.tiles import ENTRIES, HEIGHT, WIDTH, Tile, pack_entries


@dataclass
class Edge:
    """The tiles that are not full yet, in a log of `size` entries.

    tails:  level -> the hashes of its last tile, fewer than 256
    peaks:  hashes of the complete subtrees that the tree is made of, the largest first
    bundle: the entries of the last bundle; a reader needs none

    >>> edge = Edge()
    >>> sorted(edge.grow([b"a"] * 257))
    ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1', 'tile/entries/000', 'tile/entries/001.p/1']
    """

    size: int = 0
    tails: list[list[bytes]] = field(default_factory=list)
    peaks: list[bytes] = field(default_factory=list)
    bundle: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, tails: list[list[bytes]], bundle: Iterable[bytes] = ()) -> Edge:
        """The edge of a log, from the hashes of its last tiles, which are not checked."""
        peaks = [
            over(tail[index << height : index + 1 << height])
            for tail in reversed(tails)
            for height, index in complete(0, len(tail))
        ]
        return cls(size, [list(tail) for tail in tails], peaks, list(bundle))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return joined(self.peaks) if self.peaks else EMPTY

    def copy(self) -> Edge:
        """One that can grow by itself."""
        tails = [list(tail) for tail in self.tails]
        return Edge(self.size, tails, list(self.peaks), list(self.bundle))

    def grow(self, entries: Iterable[bytes]) -> dict[str, bytes]:
        """Adds entries; gives the files, by path, that differ from before or are new."""
        old, files = self.size, dict[str, bytes]()
        for entry in entries:
            self._add(entry, files)
        for level, tail in enumerate(self.tails):
            count = self.size >> HEIGHT * level
            if tail and count != old >> HEIGHT * level:
                files[Tile(level, count // WIDTH, len(tail)).path] = b"".join(tail)
        if self.bundle and self.size != old:
            path = Tile(ENTRIES, self.size // WIDTH, len(self.bundle)).path
            files[path] = pack_entries(self.bundle)
        return files

    def _add(self, entry: bytes, files: dict[str, bytes]) -> None:
        self.bundle.append(entry)
        if len(self.bundle) == WIDTH:
            files[Tile(ENTRIES, self.size // WIDTH).path] = pack_entries(self.bundle)
            self.bundle = []
        found, at, height = leaf_hash(entry), self.size, 0
        self._put(0, at, found, files)
        while at & 1:
            found, at, height = node_hash(self.peaks.pop(), found), at >> 1, height + 1
            if height % HEIGHT == 0:
                self._put(height // HEIGHT, at, found, files)
        self.peaks.append(found)
        self.size += 1

    def _put(self, level: int, index: int, found: bytes, files: dict[str, bytes]) -> None:
        if level == len(self.tails):
            self.tails.append([])
        tail = self.tails[level]
        tail.append(found)
        if len(tail) == WIDTH:
            files[Tile(level, index // WIDTH).path] = b"".join(tail)
            tail.clear()


def over(hashes: list[bytes]) -> bytes:
    """The hash over a power of two of them."""
    while len(hashes) > 1:
        hashes = [node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]
