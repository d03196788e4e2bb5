"""A log as files: tiles of 256 hashes, and bundles of the 256 entries under each lowest tile.

    tile/0/x001/x234/067        hashes of entries 256 * 1234067 and on
    tile/1/x004/820             each the root over one full tile below
    tile/2/018.p/211            a tile that is not full yet
    tile/entries/x001/x234/067  the entries themselves, each after its length in two bytes

References
----------
C2SP (2025). Tiled Transparency Logs. https://c2sp.org/tlog-tiles
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from foretaste.ledger.merkle import LENGTH
from foretaste.ledger.refusals import MalformedEntry, MalformedTile

HEIGHT = 8  # levels of the tree in a tile
WIDTH = 1 << HEIGHT  # hashes in a full tile
ENTRIES = -1  # the level of bundles of entries
LONGEST = 65_535  # bytes of an entry
LARGEST = WIDTH * (2 + LONGEST)  # bytes of a bundle
MOST = 1 << 53  # entries of a log: what every JSON reader can count to

_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, order=True, slots=True)
class Tile:
    """Where some hashes of the tree, or the entries under them, are kept.

    level: 0 has the hashes of entries; each above, roots of 256 times as many; `ENTRIES`, entries
    index: of the tile in its level
    width: hashes or entries in it, 1 to 256

    >>> Tile(0, 1234067).path, Tile(ENTRIES, 5, 70).path
    ('tile/0/x001/x234/067', 'tile/entries/005.p/70')
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The file, under the log's folder or address."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_thousands(self.index)}{partial}"

    @classmethod
    def read(cls, path: str) -> Tile:
        """The tile of a path. Raises `MalformedTile` for any that no tile has.

        >>> Tile.read("tile/2/018.p/211")
        Tile(level=2, index=18, width=211)
        """
        found = _PATH.fullmatch(path) if len(path) < 100 else None
        if found is None:
            raise MalformedTile(f"{path[:100]!r} is no path of a tile")
        level = ENTRIES if found["level"] == "entries" else int(found["level"])
        index = int(re.sub("[x/]", "", found["index"]))
        tile = cls(level, index, int(found["width"] or WIDTH))
        if tile.path != path or level > 63:
            raise MalformedTile(f"{path!r} is no path of a tile; {tile.path!r} would be")
        return tile

    @property
    def full(self) -> bool:
        """Whether it never grows again."""
        return self.width == WIDTH


def width(level: int, index: int, size: int) -> int:
    """Hashes that the tile has in a log of `size` entries: 0 where it is not there yet, to 256."""
    return max(0, min(WIDTH, (size >> (HEIGHT * max(level, 0))) - index * WIDTH))


def needed(old: int, new: int) -> Iterator[Tile]:
    """The tiles to write, bundles too, when a log of `old` entries has grown to `new`.

    >>> [tile.path for tile in needed(255, 257)]
    ['tile/entries/000', 'tile/entries/001.p/1', 'tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']
    """
    for level in (ENTRIES, *range(64 // HEIGHT)):
        shift = HEIGHT * max(level, 0)
        first, last = old >> shift, new >> shift
        if first == last:
            continue
        for index in range(first // WIDTH, (last - 1) // WIDTH + 1):
            yield Tile(level, index, width(level, index, new))


def at(height: int, index: int, size: int) -> tuple[Tile, int, int]:
    """Where the hash of a complete subtree is in a log of `size` entries.

    height, index: as `merkle.Hashes` takes them
    Gives the tile, and from where to where in it the hashes lie of which it is the root.

    >>> at(9, 0, 70_000)
    (Tile(level=1, index=0, width=256), 0, 2)
    """
    level, within = divmod(height, HEIGHT)
    start = index << within
    tile = Tile(level, start // WIDTH, width(level, start // WIDTH, size))
    return tile, start % WIDTH, start % WIDTH + (1 << within)


def pack_entries(entries: Sequence[bytes]) -> bytes:
    r"""The bundle of some entries. Raises `MalformedEntry` for one that is too long.

    >>> pack_entries([b"ab", b""])
    b'\x00\x02ab\x00\x00'
    """
    for entry in entries:
        if len(entry) > LONGEST:
            raise MalformedEntry(f"an entry of {len(entry):,} bytes; at most {LONGEST:,} fit")
    return b"".join(part for one in entries for part in (len(one).to_bytes(2), one))


def unpack_entries(content: bytes, width: int) -> list[bytes]:
    """The entries of a bundle. Raises `MalformedTile` where they are not exactly `width`."""
    found: list[bytes] = []
    start = 0
    while start < len(content) and len(found) <= width:
        stop = start + 2 + int.from_bytes(content[start : start + 2])
        if stop > len(content) or len(content) - start < 2:
            raise MalformedTile(f"a bundle that ends within its entry {len(found)}")
        found.append(content[start + 2 : stop])
        start = stop
    if len(found) != width or start != len(content):
        more = "more" if len(found) > width else len(found)
        raise MalformedTile(f"a bundle of {more} entries; wanted are {width}")
    return found


def unpack_hashes(content: bytes, width: int) -> list[bytes]:
    """The hashes of a tile. Raises `MalformedTile` where they are not exactly `width`."""
    if len(content) != width * LENGTH:
        raise MalformedTile(f"a tile of {len(content):,} bytes; {width} hashes have {LENGTH} each")
    return [content[start : start + LENGTH] for start in range(0, len(content), LENGTH)]


def _thousands(index: int) -> str:
    """An index in elements of three digits, all but the last after an x."""
    low, parts = index % 1000, []
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join([*reversed(parts), f"{low:03d}"])
