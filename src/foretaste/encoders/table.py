"""Rows of a table as vectors: robustly scaled numbers beside hashed categories."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Array, Batch, Floats, Ints
from foretaste.summaries.reservoir import Reservoir

_CELLS = 20_000_000  # the sample is cut for very wide tables
_FAR = 12.0  # beyond every squashed honest number; infinities land here


class Frame(NamedTuple):
    """What the sample taught: how each number is scaled, which categories are worth a place."""

    scales: Mapping[str, tuple[float, float]]  # name -> centre, spread
    words: frozenset[str]  # columns whose categories (or gaps) are hashed
    buckets: int  # 0 where nothing is hashed
    squeeze: Array | None  # (numbers, d) random projection of a wide table


@dataclass(frozen=True)
class Table:
    """Makes vectors of table rows that heavy tails, gaps and categories cannot break.

    A number is centred by its median, divided by its quartile range and squashed
    (sign times log(1 + distance)); a category, or a missing number, adds plus or minus one at a
    hashed place. Columns of nearly unique strings are names rather than categories and are left
    out. Tables of more than `width` numbers are projected at random, which keeps distances.

    Needs `features`: a struct of numbers and strings, or an (n, d) tensor.

    >>> import pyarrow as pa
    >>> from foretaste.data import Batch
    >>> ages = [[30.0, 40.0, 50.0, float("nan"), float("inf")]]
    >>> rows = Batch(list("abcde"), {"features": pa.StructArray.from_arrays(ages, ["age"])})
    >>> table = Table()
    >>> vectors = table.encode(rows, table.fit(table.summarize(rows)))["embedding"]
    >>> vectors[:, 0].astype(float).round(2).tolist()
    [-0.85, 0.0, 0.85, 0.0, 12.0]

    References
    ----------
    Weinberger et al. (2009). Feature Hashing for Large Scale Multitask Learning. arXiv:0902.2206
    """

    needs: ClassVar = ("features",)
    gives: ClassVar = ("embedding",)
    rows: int = 10_000
    buckets: int = 128
    width: int = 192
    seed: int = 0

    def summarize(self, batch: Batch) -> Reservoir:
        bounded = max(100, min(self.rows, _CELLS // max(1, _breadth(batch.arrow("features")))))
        return Reservoir.of(batch, ("features",), bounded, self.seed)

    def fit(self, summary: Reservoir) -> Frame:
        numbers, strings = _columns(summary.sorted().arrow("features"))
        scales = {name: _scale(values) for name, values in numbers.items()}
        gaps = {name for name, values in numbers.items() if np.isnan(values).any()}
        kinds = {name: len(column.unique()) for name, column in strings.items()}
        shared = {name for name, kind in kinds.items() if kind <= max(20, len(summary.rows) // 2)}
        places = len(gaps) + sum(kinds[name] for name in shared)
        buckets = min(self.buckets, 1 << max(0, places - 1).bit_length()) if places else 0
        return Frame(scales, frozenset(gaps | shared), buckets, self._squeeze(len(scales)))

    def encode(self, batch: Batch, model: Frame) -> Batch:
        numbers, strings = _columns(batch.arrow("features"))
        squashed = _squashed(numbers, model.scales, len(batch))
        if model.squeeze is not None:
            squashed = squashed @ model.squeeze
        hashed = np.zeros((len(batch), model.buckets), np.float32)
        for name in sorted(model.words if model.buckets else ()):
            if name in strings:
                _hash_categories(hashed, name, strings[name])
            elif name in numbers:
                _add(hashed, np.flatnonzero(np.isnan(numbers[name])), _place(name, "", hashed))
        vectors = np.hstack([squashed, hashed])
        nothing = np.zeros((len(batch), 1), np.float32)
        return batch.having(embedding=vectors if vectors.shape[1] else nothing)

    def _squeeze(self, columns: int) -> Array | None:
        if columns <= self.width:
            return None
        drawn = np.random.default_rng(self.seed).standard_normal((columns, self.width))
        return (drawn / np.sqrt(self.width)).astype(np.float32)


def _breadth(features: pa.Array) -> int:
    tensor = isinstance(features, pa.FixedShapeTensorArray)
    return int(np.prod(features.type.shape)) if tensor else int(features.type.num_fields)


def _columns(features: pa.Array) -> tuple[dict[str, Floats], dict[str, pa.Array]]:
    """The numbers (gaps as NaN) and the strings, by name."""
    if isinstance(features, pa.FixedShapeTensorArray):
        table = Batch([""] * len(features), {"features": features})["features"]
        flat = table.reshape(len(table), _breadth(features)).astype(np.float64)
        return {f"{c}": flat[:, c] for c in range(flat.shape[1])}, {}
    numbers, strings = {}, {}
    for field, column in zip(features.type, features.flatten(), strict=True):
        if pa.types.is_large_string(field.type) or pa.types.is_string(field.type):
            strings[field.name] = column
        else:
            wide = column.cast(pa.float64())
            numbers[field.name] = wide.to_numpy(zero_copy_only=False)
    return numbers, strings


def _scale(values: Floats) -> tuple[float, float]:
    """Median and spread; where half the values are equal, the spread of the others."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, centre, high = np.quantile(finite, (0.25, 0.5, 0.75))
    if high > low:
        return float(centre), float((high - low) / 1.349)
    away = np.abs(finite[finite != centre] - centre)
    return float(centre), float(np.median(away)) if len(away) else 1.0


def _squashed(
    numbers: Mapping[str, Floats], scales: Mapping[str, tuple[float, float]], n: int
) -> Array:
    squashed = np.zeros((n, len(scales)), np.float32)
    there = [at for at, name in enumerate(scales) if name in numbers]  # a ragged file may lack some
    if not there:
        return squashed
    known = list(scales.items())
    values = np.column_stack([numbers[known[at][0]] for at in there])
    centre, spread = np.array([known[at][1] for at in there]).T
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is far
        away = np.nan_to_num(values - centre, nan=0.0)
        far = np.log1p(np.abs(away) / spread)
    squashed[:, there] = np.sign(away) * np.minimum(far, _FAR)
    return squashed


def _hash_categories(hashed: Array, name: str, column: pa.Array) -> None:
    coded = pc.fill_null(column, "").dictionary_encode()
    codes: Ints = coded.indices.to_numpy(zero_copy_only=False)
    places = [_place(name, value, hashed) for value in coded.dictionary.to_pylist()]
    at = np.array([place for place, _ in places], np.int64)
    sign = np.array([sign for _, sign in places], np.float32)
    hashed[np.arange(len(codes)), at[codes]] += sign[codes]


def _add(hashed: Array, rows: Ints, place: tuple[int, float]) -> None:
    hashed[rows, place[0]] += place[1]


def _place(name: str, value: str, hashed: Array) -> tuple[int, float]:
    """Where a category goes, and its sign."""
    word = f"{len(name)}:{name}={value}".encode()
    drawn = int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")
    return (drawn >> 1) % hashed.shape[1], 1.0 - 2.0 * (drawn & 1)
