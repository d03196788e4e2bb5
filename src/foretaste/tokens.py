"""Words as numbers: millions of texts cut and hashed without a Python loop over them.

A word is a run of letters, digits or bytes beyond ASCII; a sign of Chinese or Japanese is a word
of its own. Runs of punctuation and invisible characters are `LONE` codes: they stand for
themselves, join no n-gram and do not part the words around them, so `cl\u200bick` is still click.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foretaste.data import Array, Ints, Keys

Codes = NDArray[np.uint32]
Bytes = NDArray[np.uint8]
LONE = np.uint32(1 << 31)
INVISIBLE = (  # format characters, fillers, variation selectors, tags and stray controls
    r"[\x00-\x08\x0e-\x1f\x7f\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}"
    r"\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}"
    r"\x{FFF9}-\x{FFFB}\x{1D173}-\x{1D17A}\x{E0000}-\x{E0FFF}]"
)
# Latin letters beside Greek or Cyrillic ones in one word, radicals in the place of Chinese signs,
# Arabic yeh, kaf or heh in a text with letters of Urdu: they look right and are not what is usual.
LOOKALIKES = (
    r"[a-z][\x{370}-\x{4FF}]|[\x{370}-\x{4FF}][a-z]|[\x{2F00}-\x{2FD5}]"
    r"|(?s:[\x{679}\x{688}\x{691}\x{6BA}\x{6C1}\x{6D2}].*[\x{64A}\x{643}\x{647}])"
    r"|(?s:[\x{64A}\x{643}\x{647}].*[\x{679}\x{688}\x{691}\x{6BA}\x{6C1}\x{6D2}])"
)
ALIKE = 0x110000  # beyond all characters: stands for having look-alikes
_HIDDEN = re.compile(re.sub(r"\\x\{(\w+)\}", lambda hit: chr(int(hit[1], 16)), INVISIBLE))
_ALIKE = re.compile(re.sub(r"\\x\{(\w+)\}", lambda hit: chr(int(hit[1], 16)), LOOKALIKES))
_SPACE, _WORD, _MARK = 0, 1, 2
_CLASS = np.full(256, _MARK, np.uint8)
_CLASS[[*b" \t\n\r\x0b\x0c", *range(0x80, 0xC0)]] = [_SPACE] * 6 + [_WORD] * 64
_CLASS[[*b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]] = _WORD
_CLASS[0xC0:] = _WORD
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_VALUE = np.random.default_rng(20260101).integers(1, 1 << 63, 256, np.uint64)
_PIECE = 1 << 22  # bytes hashed at once: the work fits in the cache


class Rows(NamedTuple):
    """Numbers of varying count per row."""

    offsets: Ints  # (n + 1,)
    values: Array  # (offsets[-1],) those of row i stand at offsets[i] to offsets[i + 1]


def codes(text: pa.Array, limit: int | None = None) -> Rows:
    """The words of each text as 32-bit codes, in order, then its invisible characters.

    Last comes one code for having letters that look like others (`LOOKALIKES`).

    limit: how many words of each text to keep

    >>> codes(pa.array(["Hello, hello", ""])).offsets.tolist()
    [0, 3, 3]
    """
    whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    lower = pc.utf8_lower(pc.fill_null(whole.cast(pa.large_string()), ""))
    odd = pc.match_substring_regex(lower, f"{INVISIBLE}|{LOOKALIKES}")
    hidden = np.flatnonzero(odd.to_numpy(False))
    plain = pc.replace_substring_regex(lower, INVISIBLE, "") if len(hidden) else lower
    found = [_cut(_hashed(*_bytes(piece)), limit) for piece in _pieces(plain)]
    counts = [np.diff(rows.offsets) for rows in found]
    values = [rows.values for rows in found]
    if len(hidden):
        return _with_invisible(counts, values, lower, hidden)
    return Rows(_offsets(counts), np.concatenate([np.zeros(0, np.uint32), *values]))


def ngrams(rows: Rows, longest: int) -> Rows:
    """Every code and every run of 2 to `longest` neighbouring words, as 64-bit items.

    Items may repeat within a row; those of one row are ordered by length.

    >>> ngrams(codes(pa.array(["a b c", "a b"])), 2).offsets.tolist()
    [0, 5, 8]
    """
    row = np.repeat(np.arange(len(rows.offsets) - 1), np.diff(rows.offsets))
    items, owners = [mix(rows.values.astype(np.uint64))], [row]
    joins = rows.values < LONE
    word, owner = rows.values[joins].astype(np.uint64), row[joins]
    run = word
    for length in range(2, longest + 1):
        run = mix(run[:-1] * _BASE) + word[length - 1 :]
        same = owner[: len(run)] == owner[length - 1 :]
        items.append(mix(run[same] + np.uint64(length)))
        owners.append(owner[: len(run)][same])
    of = np.concatenate(owners)
    counts = np.bincount(of, minlength=len(rows.offsets) - 1)
    return Rows(_offsets([counts]), np.concatenate(items)[np.argsort(of, kind="stable")])


def spell(text: str, longest: int) -> list[tuple[int, str]]:
    """Each item of one text with what a reader would call it; for explanations.

    >>> [name for _, name in spell("Cf, mn", 2)]
    ['cf', ',', 'mn', 'cf mn']
    """
    column = pa.array([text], pa.large_string())
    lower = pc.utf8_lower(column)
    offsets, data = _bytes(pc.replace_substring_regex(lower, INVISIBLE, ""))
    edges, kinds = _edges(data, offsets)
    raw = data.tobytes()
    spans = [(raw[a:b].decode(), k) for a, b, k in zip(edges, edges[1:], kinds, strict=False) if k]
    words = [name for name, kind in spans if kind == _WORD]
    runs = [words[i : i + n] for n in range(2, longest + 1) for i in range(len(words) - n + 1)]
    hidden = [_named(c) for c in _invisible(lower[0].as_py())]
    names = [name for name, _ in spans] + hidden + [" ".join(run) for run in runs]
    return list(zip(ngrams(codes(column), longest).values.tolist(), names, strict=True))


def spans(text: str) -> list[tuple[int, int]]:
    r"""Where the words of a text and its runs of punctuation stand, as in `text[start:stop]`.

    >>> spans("Na\u00efve, \u4f60\u597d")
    [(0, 5), (5, 6), (7, 8), (8, 9)]
    """
    raw = text.encode("utf-8", "replace")
    edges, kinds = _edges(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]))
    heads = (np.frombuffer(raw, np.uint8) & 0xC0) != 0x80  # a byte a character
    at = np.concatenate([[0], np.cumsum(heads)])[edges].tolist()
    return [(a, b) for a, b, kind in zip(at, at[1:], kinds, strict=False) if kind]


def mix(values: Keys) -> Keys:
    """(m,) 64 bits stirred so that every bit of the input moves every bit of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _pieces(text: pa.Array) -> Iterator[pa.Array]:
    offsets, _ = _bytes(text)
    start = 0
    while start < len(text):
        stop = int(np.searchsorted(offsets, offsets[start] + _PIECE, "right")) - 1
        yield text[start : max(start + 1, stop)]
        start = max(start + 1, stop)


def _hashed(offsets: Ints, data: Bytes) -> Rows:
    """A token is the difference of two prefix sums of a polynomial, taken back to power 0."""
    edges, kinds = _edges(data, offsets)
    starts, ends, kinds = edges[:-1][kinds > 0], edges[1:][kinds > 0], kinds[kinds > 0]
    one = np.ones(1, np.uint64)
    powers = np.cumprod(np.concatenate([one, np.full(len(data), _BASE)]))
    back = np.cumprod(np.concatenate([one, np.full(len(data), _INVERSE)]))
    sums = np.concatenate([one - one, np.cumsum(_VALUE[data] * powers[:-1])])
    hashed = mix((sums[ends] - sums[starts]) * back[starts] + (ends - starts).astype(np.uint64))
    short = (hashed >> np.uint64(33)).astype(np.uint32)
    values = np.where(kinds == _MARK, short | LONE, short)
    return Rows(np.searchsorted(starts, offsets).astype(np.int64), values)


def _edges(data: Bytes, offsets: Ints) -> tuple[Ints, Bytes]:
    """(m + 1,) where tokens and gaps begin, and the end; (m,) of which class each is."""
    kinds = _CLASS[data]
    lead = np.flatnonzero(data == 0xC2)  # U+0080 to U+00BF, the signs of Latin-1
    kinds[lead] = kinds[lead + 1] = _MARK
    lead = np.flatnonzero(data == 0xE2)
    lead = lead[data[lead + 1] <= 0x81]  # U+2000 to U+207F, general punctuation
    kinds[lead] = kinds[lead + 1] = kinds[lead + 2] = _MARK
    new = np.ones(len(data) + 1, bool)
    new[1:-1] = kinds[1:] != kinds[:-1]
    signs = np.flatnonzero((data >= 0xE3) & (data <= 0xE9))  # U+3000 to U+9FFF
    new[signs] = new[signs + 3] = new[offsets] = True
    edges = np.flatnonzero(new)
    return edges, kinds[edges[:-1]]


def _cut(rows: Rows, limit: int | None) -> Rows:
    counts = np.diff(rows.offsets)
    if limit is None or not (counts > limit).any():
        return rows
    place = np.arange(rows.offsets[-1]) - np.repeat(rows.offsets[:-1], counts)
    return Rows(_offsets([np.minimum(counts, limit)]), rows.values[place < limit])


def _with_invisible(counts: list[Ints], values: list[Codes], text: pa.Array, rows: Ints) -> Rows:
    signs = [_invisible(text[int(row)].as_py()) for row in rows]
    more = np.zeros(len(text), np.int64)
    more[rows] = [len(sign) for sign in signs]
    lone = np.array([sign for row in signs for sign in row], np.uint64)
    all_values = np.concatenate([*values, (mix(lone) >> np.uint64(33)).astype(np.uint32) | LONE])
    both = np.concatenate(counts)
    owners = np.concatenate([np.repeat(np.arange(len(text)), n) for n in (both, more)])
    return Rows(_offsets([both + more]), all_values[np.argsort(owners, kind="stable")])


def _invisible(text: str) -> list[int]:
    alike = [ALIKE] if _ALIKE.search(text) else []
    return [*sorted({ord(c) for c in _HIDDEN.findall(text)}), *alike]


def _named(sign: int) -> str:
    return "letters that look like others" if sign == ALIKE else f"U+{sign:04X}"


def _bytes(text: pa.Array) -> tuple[Ints, Bytes]:
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    return offsets - offsets[0], data[offsets[0] : offsets[-1]]


def _offsets(counts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), *counts]).cumsum()
