"""The tree under one checkpoint, out of tiles that nobody has to trust.

The last tiles of all levels are checked against the root, together. Every other tile is full, and
its hash stands in the tile above it, which is checked in the same way before. So whatever is taken
out of a tile here is what the checkpoint was signed for, or an error that names the file.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property

from foretaste.ledger.checkpoint import Checkpoint
from foretaste.ledger.edge import Edge, over
from foretaste.ledger.fetching import edge_of, entries_of, hashes_of
from foretaste.ledger.refusals import MalformedProof, WrongTile
from foretaste.ledger.storage import Source
from foretaste.ledger.tiles import ENTRIES, WIDTH, Tile, at, width

KEPT = 256  # tiles in memory, of some 17 kB each


class Tree:
    """Hashes and entries under a checkpoint, each checked before it is given.

    checkpoint: what was signed; its signature is checked by whoever gives it here
    """

    def __init__(self, source: Source, checkpoint: Checkpoint) -> None:
        self.source, self.checkpoint = source, checkpoint
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def hash(self, height: int, index: int) -> bytes:
        """The hash of a complete subtree, as `merkle.Hashes` has it."""
        tile, start, stop = at(height, index, self.checkpoint.size)
        if index < 0 or stop > tile.width:
            raise MalformedProof(
                f"no complete subtree {index} of height {height} is in a log of "
                f"{self.checkpoint.size} entries"
            )
        return over(self.tile(tile.level, tile.index)[start:stop])

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile. Raises `MissingTile`, `MalformedTile`, `WrongTile`."""
        if width(level, index, self.checkpoint.size) < WIDTH:
            return self._edge.tails[level]
        found = self._kept.get((level, index))
        if found is None:
            wanted = self.tile(level + 1, index // WIDTH)[index % WIDTH]
            tile = Tile(level, index)
            found = hashes_of(self.source, tile)
            if over(found) != wanted:
                raise WrongTile(f"{tile.path} does not hash to the checkpoint: it was changed")
            self._kept[level, index] = found
        self._kept.move_to_end((level, index))
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def bundle(self, index: int) -> list[bytes]:
        """The entries under a lowest tile. Raises what `tile` raises, and `WrongEntry`."""
        tile = Tile(ENTRIES, index, width(ENTRIES, index, self.checkpoint.size))
        return entries_of(self.source, tile, self.tile(0, index))

    @cached_property
    def _edge(self) -> Edge:
        size, root = self.checkpoint.size, self.checkpoint.root
        return edge_of(self.source, size, root, bundled=False)
