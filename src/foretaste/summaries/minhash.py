"""How much two texts resemble each other, from 128 bytes of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from foretaste.data import Batch, Floats, Ints, Keys
from foretaste.summaries.content import Gathered, hashed, series
from foretaste.summaries.families import Families, distinct, families
from foretaste.summaries.groups import sharing, unique_pairs

Sketches = NDArray[np.uint8]

WIDTH = 5  # bytes of a shingle
BINS = 128  # bytes of a sketch
ROWS = 6  # bins that must all agree for a pair to be looked at
EMPTY = 0  # what stands in a bin that no shingle fell into
_AT_ONCE = 4096  # texts whose bins fit the processor's cache together
_BYTES_AT_ONCE = 18  # 2**18 bytes whose hashes do
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


def normal(texts: pa.Array) -> pl.Series:
    """Texts without their differences of case and white space.

    >>> normal(pa.array(["  Call  NOW ", None])).to_list()
    ['call now', '']
    """
    lower = series(texts).cast(pl.String).fill_null("").str.to_lowercase()
    return lower.str.replace_all(r"\s+", " ").str.strip_chars()


def sketches(texts: pl.Series) -> Sketches:
    """(n, 128) for each text, one byte of the smallest hash of those shingles that fall in a bin.

    Shingles are all runs of five bytes (the last ones padded); one hash of each both chooses
    its bin and is compared there, so a text costs its length, not 128 times its length.

    References
    ----------
    Li, Owen, Zhang (2012). One Permutation Hashing. arXiv:1208.1259
    """
    padded = (texts + "\0" * (WIDTH - 1)).to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(padded):
        return np.empty((0, BINS), np.uint8)
    ends = np.frombuffer(padded.buffers()[1], np.int64)[padded.offset :][1 : len(padded) + 1]
    rows = np.arange(len(padded))
    cuts = np.flatnonzero(np.diff((ends >> _BYTES_AT_ONCE) + rows // _AT_ONCE, prepend=-1))
    spans = zip(cuts, np.r_[cuts[1:], len(padded)], strict=True)
    return np.concatenate([_sketched(padded.slice(low, high - low)) for low, high in spans])


def _sketched(padded: pa.Array) -> Sketches:
    n = len(padded)
    ends = np.frombuffer(padded.buffers()[1], np.int64)[padded.offset :][: n + 1]
    content = np.frombuffer(padded.buffers()[2] or b"", np.uint8)[ends[0] : ends[-1]]
    lengths = np.diff(ends) - (WIDTH - 1)
    hashes = _shingles(content, ends[1:] - ends[0])
    cells = np.repeat(np.arange(n) * BINS, lengths) + (hashes >> np.uint64(57)).astype(np.int64)
    smallest = np.full(n * BINS, 0xFFFFFFFF, np.uint32)
    np.minimum.at(smallest, cells, hashes.astype(np.uint32) >> np.uint32(1))
    told = np.maximum(smallest.astype(np.uint8), 1)
    return np.where(smallest == 0xFFFFFFFF, EMPTY, told).astype(np.uint8).reshape(n, BINS)


def _shingles(content: NDArray[np.uint8], ends: Ints) -> Keys:
    """A hash of each run of bytes that does not reach over the end of its text."""
    n = max(len(content) - (WIDTH - 1), 0)
    packed = np.zeros(n, np.uint64)
    for at in range(WIDTH):
        packed |= content[at : at + n].astype(np.uint64) << np.uint64(8 * at)
    packed *= _MIX[0]
    packed ^= packed >> np.uint64(29)
    packed *= _MIX[1]
    packed ^= packed >> np.uint64(32)
    inside = np.ones(len(content), bool)
    for back in range(1, WIDTH):
        inside[ends - back] = False
    return packed[inside[:n]]


def gathered(batch: Batch, texts: pa.Array) -> Gathered:
    """The key and the sketch of each row's text: 136 bytes a row, and its index and location."""
    return Gathered.of(batch, key=hashed(texts), sketch=sketches(normal(texts)))


def related(summary: Gathered, at_least: float) -> Families:
    """Families of different texts whose sketches are alike."""
    texts = distinct(summary.sorted("key"))
    known = np.empty((0, BINS), np.uint8) if texts.is_empty() else texts["sketch"].to_numpy()
    return families(texts, alike(known, at_least))


def resemblance(one: Sketches, two: Sketches) -> Floats:
    """(m,) the estimated Jaccard similarity of shingles, pair by pair; 0 of texts without any.

    Its standard error is about 0.035 at 0.8 for texts of a hundred letters or more.
    """
    seen = (one | two) != EMPTY
    equal = (one == two) & seen
    union: Floats = np.maximum(seen.sum(axis=1), 1)
    return equal.sum(axis=1) / union


def alike(known: Sketches, at_least: float) -> Ints:
    """(m, 2) pairs whose resemblance is at least so much: found by banding, then verified.

    A pair of resemblance .8 is missed twice in a thousand times, one of .9 never; pairs of
    less than .3 are hardly ever looked at.

    References
    ----------
    Broder (1997). On the resemblance and containment of documents. doi:10.1109/SEQUEN.1997.666900
    """
    if len(known) < 2:
        return np.empty((0, 2), np.int64)
    found = [_verified(known, sharing(key), at_least) for key in _bands(_dense(known))]
    return unique_pairs(np.concatenate(found), len(known))


def bands(known: Sketches) -> Keys:
    """(n, 21) for each sketch, what it shares some of with each that resembles it.

    >>> texts = pl.Series(["we shall meet at seven " * 3, "we shall meet at seven " * 4])
    >>> one, other = bands(sketches(texts))
    >>> bool((one == other).any())
    True
    """
    return np.stack([band.copy() for band in _bands(_dense(known))], axis=1)


def _bands(dense: Sketches) -> Iterator[Keys]:
    """Bins far from each other make a band: a filled one lends its value to its neighbours."""
    count = BINS // ROWS
    packed = np.zeros((len(dense), 8), np.uint8)
    for band in range(count):
        packed[:, :ROWS] = dense[:, band : count * ROWS : count]
        yield packed.view(np.uint64).ravel()


def _dense(known: Sketches) -> Sketches:
    """Empty bins borrow from the next filled one before them, round the circle.

    References
    ----------
    Shrivastava, Li (2014). Densifying One Permutation Hashing. arXiv:1406.4784
    """
    dense = known.copy()
    bins = np.arange(2 * BINS, dtype=np.int16)
    for start in range(0, len(known), _AT_ONCE):
        twice = np.tile(known[start : start + _AT_ONCE], 2)
        filled = np.where(twice != EMPTY, bins, np.int16(0))
        nearest = np.maximum.accumulate(filled, axis=1)[:, BINS:]
        dense[start : start + _AT_ONCE] = np.take_along_axis(twice, nearest.astype(np.int64), 1)
    return dense


def _verified(known: Sketches, pairs: Ints, at_least: float) -> Ints:
    kept = []
    for start in range(0, len(pairs), 65536):
        some = pairs[start : start + 65536]
        kept.append(some[resemblance(known[some[:, 0]], known[some[:, 1]]) >= at_least])
    return np.concatenate(kept) if kept else pairs
