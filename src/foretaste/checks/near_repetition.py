"""Records that were sent before, with small changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch, Floats, Ints, Keys, Mask
from foretaste.streaming import Aspect
from foretaste.summaries.minhash import bands, sketches
from foretaste.tallies import CountTail, Tally
from foretaste.tokens import mix

_AGREE = 2  # bands, or grids, that records have to share before they count as alike
_GRIDS, _AXES = 6, 8  # ways in which vectors are cut into cells, and along how many directions
_COLUMNS = {"text": ("text",), "chat": ("prompt", "response")}
Content = Literal["text", "chat", "vectors", ""]


@dataclass(frozen=True, eq=False)
class Likenesses:
    """What came lately, in pieces that near-copies share, and how alike honest records are.

    kind:  what is compared
    span:  records after which the older half of what is remembered is forgotten
    bands: how often each piece came
    centre: (d,) mean of the vectors of trusted rows
    axes:   (d, 48) what maps differences from it to cells of width 1, six grids of eight
    door, close: how many records like them trusted ones had before them, and in all
    """

    kind: Content
    span: int
    bands: Tally
    centre: Floats
    axes: Floats
    door: CountTail
    close: CountTail


@dataclass(frozen=True)
class NearRepetition:
    """Holds records that come again with small changes, more often than trusted ones did.

    Of a text (or a prompt and its answer) 128 minwise hashes are cut into 21 bands; two texts
    that share some of them are alike. A record is as repeated as the second most
    common of its bands, so one passage that many texts share does not count. Vectors fall into
    cells, on six grids. At the door copies before the record count; when the window is over, all.
    What is usual comes from trusted rows: newsletters and heartbeats resemble each other as well.

    span: records that are remembered at least, up to twice as many and a window; fewer where
        fewer are trusted. Remembered are 16 bytes for each band of each of them.
    cell: side of a cell, in standard deviations of the trusted vectors

    Blind to texts of which more than a third is rewritten, to floods slower than `span` records,
    to floods of what trusted rows repeat as often, and to texts of fewer than five letters.

    Needs nothing it can do without: looks at `text`, or at `prompt` and `response`, or at
    `embedding` (n, d), the first of them that there is.

    >>> numbers = np.random.default_rng(0).integers(10**6, size=(300, 8))
    >>> rows = Batch(range(300), {"text": [" ".join(map(str, row)) for row in numbers]})
    >>> flood = [f"buy the best coin of all the days to come today, offer {i}" for i in range(30)]
    >>> surprise, _ = NearRepetition().judge(
    ...     Batch(range(30), {"text": flood}), NearRepetition().start(rows))
    >>> float(surprise[0]), bool(surprise[20] > 4)
    (0.0, True)

    References
    ----------
    Broder (1997). On the resemblance and containment of documents. doi:10.1109/SEQUEN.1997.666900
    Li, Owen, Zhang (2012). One Permutation Hashing. arXiv:1208.1259
    """

    span: int = 1_000
    cell: float = 0.5

    needs: ClassVar[tuple[str, ...]] = ()
    aspect: ClassVar = Aspect.DUPLICATION

    def start(self, trusted: Batch) -> Likenesses:
        span = int(np.clip(len(trusted) // 2, 1, self.span))
        kind, none = _kind(trusted), CountTail.of(np.zeros(0, np.int64))
        vectors = _vectors(trusted) if kind == "vectors" else np.zeros((1, 0))
        axes = _axes(vectors, self.cell)
        state = Likenesses(kind, span, Tally.empty(), vectors.mean(axis=0), axes, none, none)
        keys = _bands(trusted, state)
        tally, before, after = Tally.replay(keys, span)
        door, close = _alike(before, keys), _alike(after - 1, keys)
        return replace(state, bands=tally, door=CountTail.of(door), close=CountTail.of(close))

    def judge(self, batch: Batch, state: Likenesses) -> tuple[Floats, Likenesses]:
        keys = _bands(batch, state)
        before = state.bands.before(keys.ravel()).reshape(keys.shape)
        tally = state.bands.plus(keys.ravel(), len(batch))
        like = _alike(before, keys) * state.bands.fair(state.span, np.arange(len(batch)))
        return state.door.surprise(like), replace(state, bands=tally)

    def settle(self, window: Batch, admitted: Mask, state: Likenesses) -> Floats:
        like = (_counted(window, state) - 1) * state.bands.fair(state.span)
        return state.close.surprise(like)

    def learn(self, window: Batch, admitted: Mask, state: Likenesses) -> Likenesses:
        return replace(state, bands=state.bands.turned(state.span))

    def explain(self, batch: Batch, row: int, state: Likenesses) -> str:
        times = max(int(_counted(batch.take([row]), state)[0]), 1)
        return (
            f"about {times} records like it came lately; "
            f"trusted ones came at most {len(state.close.shares)} times"
        )


def _kind(batch: Batch) -> Content:
    if "text" in batch:
        return "text"
    if "prompt" in batch and "response" in batch:
        return "chat"
    return "vectors" if "embedding" in batch else ""


def _counted(batch: Batch, state: Likenesses) -> Ints:
    """(n,) how many records like each came lately, itself counted."""
    keys = _bands(batch, state)
    return _alike(state.bands.seen(keys.ravel()).reshape(keys.shape), keys)


def _alike(counts: Ints, keys: Keys) -> Ints:
    """(n,) of (n, b) counts of bands, those of the band that is the second most common."""
    if not counts.shape[1]:
        return np.zeros(len(counts), np.int64)
    shared = np.where(keys == 0, 0, counts)
    at = max(counts.shape[1] - _AGREE, 0)
    found: Ints = np.partition(shared, at, axis=1)[:, at]
    return found


def _bands(batch: Batch, state: Likenesses) -> Keys:
    """(n, b) what near-copies share; 0 where there is nothing to compare."""
    if state.kind == "vectors":
        return _cells(_vectors(batch) - state.centre, state.axes)
    if state.kind == "":
        return np.zeros((len(batch), 0), np.uint64)
    texts = [batch.arrow(name) for name in _COLUMNS[state.kind]]
    whole = (
        texts[0]
        if len(texts) == 1
        else pc.binary_join_element_wise(*texts, pa.scalar("\n", pa.large_string()))
    )
    plain = pc.replace_substring_regex(pc.utf8_lower(pc.fill_null(whole, "")), r"\s+", " ")
    known = sketches(pl.Series(pl.from_arrow(pc.utf8_trim_whitespace(plain))))
    found = bands(known)
    keys = mix(found + np.arange(found.shape[1]).astype(np.uint64))
    keys[~np.any(known, axis=1)] = 0
    return keys


def _cells(away: Floats, axes: Floats) -> Keys:
    """(n, 6) the cell of each vector on each grid."""
    steps = np.floor(away @ axes + np.arange(axes.shape[1]) / axes.shape[1])
    grids = steps.astype(np.int64).view(np.uint64).reshape(len(away), _GRIDS, _AXES)
    keys = np.zeros((len(away), _GRIDS), np.uint64) + np.arange(1, _GRIDS + 1).astype(np.uint64)
    for axis in range(_AXES):
        keys = mix(keys * np.uint64(3) + grids[:, :, axis])
    return keys


def _axes(vectors: Floats, cell: float) -> Floats:
    """Random directions, in which trusted vectors spread by 1 / cell."""
    away = vectors - vectors.mean(axis=0)
    axes = np.random.default_rng(0).normal(size=(vectors.shape[1], _GRIDS * _AXES))
    spread: Floats = np.maximum((away @ axes).std(axis=0), 1e-9)
    return axes / (spread * cell)


def _vectors(batch: Batch) -> Floats:
    return np.nan_to_num(np.asarray(batch["embedding"], np.float64), posinf=0.0, neginf=0.0)
