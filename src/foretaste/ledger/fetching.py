"""Tiles and bundles out of a log's files: of the right length, and not yet to be trusted."""

from __future__ import annotations

from dataclasses import replace

from foretaste.ledger.edge import Edge
from foretaste.ledger.merkle import LENGTH, leaf_hash
from foretaste.ledger.refusals import MalformedTile, MissingTile, WrongEntry, WrongTile
from foretaste.ledger.storage import Source
from foretaste.ledger.tiles import (
    ENTRIES,
    HEIGHT,
    LARGEST,
    WIDTH,
    Tile,
    unpack_entries,
    unpack_hashes,
    width,
)


def hashes_of(source: Source, tile: Tile) -> list[bytes]:
    """The hashes of a tile. Raises `MissingTile`, and `MalformedTile` for another length."""
    found, content = _read(source, tile, WIDTH * LENGTH)
    try:
        return unpack_hashes(content, found.width)[: tile.width]
    except MalformedTile as error:
        raise MalformedTile(f"{found.path}: {error}") from error


def entries_of(source: Source, tile: Tile, hashes: list[bytes]) -> list[bytes]:
    """The entries of a bundle, which have to have these hashes.

    Raises `MissingTile`, `MalformedTile`, and `WrongEntry` where one was changed.
    """
    found, content = _read(source, tile, LARGEST)
    try:
        entries = unpack_entries(content, found.width)[: tile.width]
    except MalformedTile as error:
        raise MalformedTile(f"{found.path}: {error}") from error
    for at, (entry, wanted) in enumerate(zip(entries, hashes, strict=True)):
        if leaf_hash(entry) != wanted:
            raise WrongEntry(
                f"{found.path}: entry {tile.index * WIDTH + at} is not the one that was logged"
            )
    return entries


def edge_of(source: Source, size: int, root: bytes, *, bundled: bool) -> Edge:
    """The right edge of a log, checked against its root.

    bundled: with the entries of the last bundle
    Raises `MissingTile`, `MalformedTile`, `WrongTile`, `WrongEntry`.
    """
    tails: list[list[bytes]] = []
    while count := size >> HEIGHT * len(tails):
        level, index = len(tails), count // WIDTH
        some = width(level, index, size)
        tails.append(hashes_of(source, Tile(level, index, some)) if some else [])
    edge = Edge.of(size, tails)
    if edge.root != root:
        told = [Tile(n, size >> HEIGHT * (n + 1), len(t)).path for n, t in enumerate(tails) if t]
        raise WrongTile(
            f"the root over {size} entries does not follow from {', '.join(told) or 'none'}: "
            "one of them was changed, or the checkpoint"
        )
    if bundled and size % WIDTH:
        edge.bundle = entries_of(source, Tile(ENTRIES, size // WIDTH, size % WIDTH), tails[0])
    return edge


def _read(source: Source, tile: Tile, most: int) -> tuple[Tile, bytes]:
    """The file of a tile, or of the full one that took the place of a partial."""
    for one in dict.fromkeys((tile, replace(tile, width=WIDTH))):
        content = source.read(one.path, most)
        if content is not None:
            return one, content
    raise MissingTile(f"{tile.path} is not there; the checkpoint needs it")
