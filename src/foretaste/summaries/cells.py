"""Table rows as numbers that trees can split, and the conditions that rules are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from foretaste.data import Array, Ints, Mask

_GAP = np.float32(-3e38)  # stands for a missing number
_EXACT = 256  # values of a column that may be a condition, the most frequent first
_BINS = 16
_EDGE = 0.005  # the outermost rows of a column are bins of their own


class Coding(NamedTuple):
    """Columns, and the number each category goes by."""

    names: tuple[str, ...]
    categories: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, table: pl.DataFrame) -> Coding:
        """Categories in the order of their spelling."""
        strings = [name for name in table.columns if table[name].dtype == pl.String]
        kinds = {name: table[name].drop_nulls().unique().sort().to_list() for name in strings}
        numbered = {name: {kind: at for at, kind in enumerate(kinds[name])} for name in strings}
        return cls(tuple(table.columns), numbered)

    def matrix(self, table: pl.DataFrame) -> Array:
        """(n, columns) float32 without gaps; a category never seen is -1."""
        cells = np.full((len(table), len(self.names)), _GAP, np.float32)
        for at, name in enumerate(self.names):
            if name in table.columns:
                cells[:, at] = self._numbers(table[name])
        return cells

    def _numbers(self, column: pl.Series) -> Array:
        kinds = self.categories.get(column.name)
        if kinds is not None:
            known = column.cast(pl.String)
            return known.replace_strict(kinds, default=-1, return_dtype=pl.Float32).to_numpy()
        values = column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        bounded = np.clip(values, -1e38, 1e38).astype(np.float32)
        return np.where(np.isnan(bounded), _GAP, bounded)


class Condition(NamedTuple):
    """A column's value lies between two bounds, both included; equal bounds are one value."""

    column: int
    low: float
    high: float

    def holds(self, cells: Array) -> Mask:
        """(n,) which rows."""
        values = cells[:, self.column]
        held: Mask = (values >= np.float32(self.low)) & (values <= np.float32(self.high))
        return held

    def told(self, coding: Coding) -> str:
        """As a reviewer would say it."""
        name = coding.names[self.column]
        kinds = coding.categories.get(name)
        if kinds is not None:
            spelt = {at: kind for kind, at in kinds.items()}
            return f"{name} = {spelt.get(int(self.low), '(new)')}"
        if self.low == self.high:
            return f"{name} = " + ("missing" if self.low < -1e38 else f"{self.low:.6g}")
        return f"{name} in {self.low:.6g} to {self.high:.6g}"


class Column(NamedTuple):
    """The conditions one column offers, each row holding at most one of them."""

    conditions: tuple[Condition, ...]
    codes: Ints  # (n,) which, or -1


def columns(cells: Array, least: int) -> Iterator[Column]:
    """For every column its frequent values, and its bins where it has many values."""
    for at in range(cells.shape[1]):
        values, codes, counts = np.unique(cells[:, at], return_inverse=True, return_counts=True)
        often = np.flatnonzero(counts >= least)
        often = np.sort(often[np.argsort(-counts[often], kind="stable")][:_EXACT])
        place = np.full(len(values), -1)
        place[often] = np.arange(len(often))
        exact = tuple(Condition(at, float(v), float(v)) for v in values[often])
        yield Column(exact, place[codes])
        if len(values) > 2 * _BINS:
            yield _binned(at, cells[:, at])


def _binned(at: int, values: Array) -> Column:
    shares = np.concatenate([[_EDGE], np.arange(1, _BINS) / _BINS, [1 - _EDGE]])
    cuts = np.unique(np.quantile(values, shares, method="lower").astype(np.float32))
    codes = np.searchsorted(cuts, values, side="left")
    lows = [-np.inf, *(float(np.nextafter(c, np.float32(np.inf))) for c in cuts)]
    highs = [*map(float, cuts), np.inf]
    bins = tuple(Condition(at, a, b) for a, b in zip(lows, highs, strict=True))
    return Column(bins, codes)
