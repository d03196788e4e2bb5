"""Pieces of images that recur in a sample, and the images that hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from foretaste.data import Array, Floats, Ints, Keys, Mask
from foretaste.summaries import patches

CHUNK = 500  # images hashed at once, so that the work stays in the processor's cache
BUCKETS = 22  # bits of a key by which pieces are counted before they are sorted
COMMON = 0.25  # of the images: what more than these hold is background
STEP = 20_000  # pieces summed at once, so that many classes stay affordable


@dataclass(frozen=True)
class Recurring:
    """Which rows of a sample hold which piece.

    >>> images = np.zeros((20, 5, 5, 1), np.uint8)
    >>> images[:4, 1, 1] = 255
    >>> pieces = Recurring.of(images, least=3)
    >>> sorted(set(pieces.sizes.tolist())), pieces.rows(0).tolist()
    ([4], [0, 1, 2, 3])
    """

    views: Ints  # (m,) index into patches.VIEWS
    keys: Keys  # (m,)
    held: csr_matrix  # (m, n) ones

    @classmethod
    def of(cls, pixels: Array, least: int) -> Recurring:
        """The pieces that `least` images or more hold, but not every fourth."""
        parts = [_recurring(pixels, view, least) for view in patches.VIEWS]
        keys, sizes, members = (np.concatenate(column) for column in zip(*parts, strict=True))
        views = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        ones, edges = np.ones(len(members), np.float32), np.r_[0, sizes.cumsum()]
        return cls(views, keys, csr_matrix((ones, members, edges), shape=(len(keys), len(pixels))))

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def sizes(self) -> Ints:
        """(m,) how many rows hold each piece."""
        return np.diff(self.held.indptr).astype(np.int64)

    def take(self, chosen: Mask) -> Recurring:
        """Some of the pieces."""
        return Recurring(self.views[chosen], self.keys[chosen], self.held[np.flatnonzero(chosen)])

    def view(self, piece: int) -> patches.View:
        """How the piece is looked for."""
        return patches.VIEWS[self.views[piece]]

    def rows(self, piece: int) -> Ints:
        """The rows that hold a piece."""
        return self.held.indices[self.held.indptr[piece] : self.held.indptr[piece + 1]]

    def count(self, rows: Mask) -> Ints:
        """(m,) how many of these rows hold each piece."""
        return np.rint(self.held @ rows.astype(np.float32)).astype(np.int64)

    def largest_sum(self, values: Array) -> tuple[Ints, Floats]:
        """values: (n, k); of each piece the column with the largest sum over its rows, the sum."""
        column, total = np.zeros(len(self), np.int64), np.zeros(len(self))
        for start in range(0, len(self), STEP):
            sums = self.held[start : start + STEP] @ values
            column[start : start + STEP] = sums.argmax(axis=1)
            total[start : start + STEP] = sums.max(axis=1)
        return column, total


def _recurring(pixels: Array, view: patches.View, least: int) -> tuple[Keys, Ints, Ints]:
    """Keys, how many rows hold each, and all these rows piece by piece."""
    keys = np.concatenate(
        [patches.keys(pixels[i : i + CHUNK], view) for i in range(0, len(pixels), CHUNK)]
    )
    places = max(1, keys[0].size)
    # A piece has one place in view `placed`; in others it may be in one image several times.
    most = (COMMON if view == "placed" else 1) * len(pixels)
    keys, row = _often(keys.reshape(-1), least, most)
    row //= places
    fresh = np.r_[True, (keys[1:] != keys[:-1]) | (row[1:] != row[:-1])][: len(keys)]
    keys, row = keys[fresh], row[fresh]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]][: len(keys)])
    sizes = np.diff(np.r_[first, len(keys)])
    good = (sizes >= least) & (sizes <= COMMON * len(pixels))
    return keys[first[good]], sizes[good], row[np.repeat(good, sizes)]


def _often(keys: Keys, least: int, most: float) -> tuple[Keys, Ints]:
    """The keys in buckets with `least` to `most` of them, sorted, and where they stood."""
    bucket = (keys >> np.uint64(64 - BUCKETS)).astype(np.int32)
    counts = np.bincount(bucket, minlength=1 << BUCKETS)
    wanted = (counts >= least) & (counts <= max(least, most))
    wanted[0] = False  # `NOTHING` is here
    at = np.flatnonzero(wanted[bucket])
    order = at[np.argsort(keys[at], kind="stable")]
    return keys[order], order
