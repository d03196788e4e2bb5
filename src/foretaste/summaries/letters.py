"""How usual the letters of a text are: a small language model of any language, or of none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Floats, Ints

CLASSES = 64  # bytes are read as letters, digits, space, some marks, and eighths of the rest
SHORTEST = 16  # bytes; fewer say nothing about a language

_READ = np.full(256, 27, np.int64)
_READ[[*b"abcdefghijklmnopqrstuvwxyz"]] = np.arange(26)
_READ[[*b" \t\r\n"]] = 26
_READ[[*b"0123456789"]] = 28
_READ[[*b".,;:!?-_()[]{}<>/\\'\"=+*#"]] = [*range(29, 47), 46, 46, 46, 46, 46, 46]
_READ[128:] = 48 + (np.arange(128) >> 3)


class Letters(NamedTuple):
    """What three letters in a row are worth, in bits."""

    bits: NDArray[np.float32]  # (64³,) surprise at the third after the first two


def learned(texts: pa.Array) -> Letters:
    """From a sample of texts; rare pairs fall back on single letters, so nothing is impossible."""
    triples, _ = _triples(texts)
    counts = np.bincount(triples, minlength=CLASSES**3).reshape(CLASSES, CLASSES, CLASSES)
    singles = counts.sum(axis=(0, 1)) + 1.0
    pairs = counts.sum(axis=0) + 20 * singles / singles.sum()
    pairs /= pairs.sum(axis=1, keepdims=True)
    chances = (counts + 10 * pairs) / (counts.sum(axis=2, keepdims=True) + 10)
    return Letters(-np.log2(chances).ravel().astype(np.float32))


def surprise(texts: pa.Array, letters: Letters) -> Floats:
    """(n,) mean bits a letter; NaN for a text too short to say.

    >>> plain = pa.array(["the cat sat on the mat and the dog sat on the cat"] * 9)
    >>> texts = pa.array([plain[0].as_py(), "xq zvk wjx qqp zzv kjq"])
    >>> usual, odd = surprise(texts, learned(plain))
    >>> bool(odd > 2 * usual)
    True
    """
    triples, counts = _triples(texts)
    sums = np.concatenate([np.zeros(1), np.cumsum(letters.bits[triples], dtype=np.float64)])
    ends = np.cumsum(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (sums[ends] - sums[ends - counts]) / counts
    return np.where(counts >= SHORTEST - 2, mean, np.nan)


def _triples(texts: pa.Array) -> tuple[Ints, Ints]:
    """Codes of three letters in a row, none across two texts; (n,) how many of each text."""
    lower = pc.utf8_lower(pc.fill_null(texts.cast(pa.large_string()), ""))
    if not len(lower):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    offsets = np.frombuffer(lower.buffers()[1], np.int64)[lower.offset :][: len(lower) + 1]
    data = np.frombuffer(lower.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    lengths = np.diff(offsets)
    read = _READ[data]
    codes = (read[:-2] * CLASSES + read[1:-1]) * CLASSES + read[2:]
    left = np.repeat(offsets[1:] - offsets[0], lengths)[: len(codes)] - np.arange(len(codes))
    return codes[left >= 3], np.maximum(lengths - 2, 0)
