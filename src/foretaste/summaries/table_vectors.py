"""Rows of a table as models take them: standardised numbers, and kinds by number or one-hot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from foretaste.data import Batch, Floats, Ints
from foretaste.summaries.fields import table_of

RARE = 5  # a value in fewer rows shares a place with all others that are rare or unseen
MOST_KINDS = 100  # values of one column that get a place of their own, the most frequent ones
FAR = 100.0  # spreads; what is farther (infinities too) counts as this far


@dataclass(frozen=True)
class Layout:
    """What some rows taught of each column, so that other rows become vectors of the same form.

    >>> import pyarrow as pa
    >>> columns = [[1.0, 3.0, float("nan")], ["a", "b", "b"]]
    >>> features = pa.StructArray.from_arrays([*map(pa.array, columns)], ["age", "town"])
    >>> rows = Batch(list("xyz"), {"features": features})
    >>> Layout.of(rows, rare=2).vectors(rows).tolist()
    [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """

    numbers: Mapping[str, tuple[float, float]]  # column -> mean, standard deviation
    kinds: Mapping[str, tuple[str, ...]]  # column -> the values with a place of their own

    @classmethod
    def of(cls, rows: Batch, rare: int = RARE) -> Layout:
        """Of the column `features`, a struct of numbers and strings or an (n, d) tensor."""
        table = table_of(rows)
        numbers = {c.name: _scale(c) for c in table if c.dtype != pl.String}
        return cls(numbers, {c.name: _kinds(c, rare) for c in table if c.dtype == pl.String})

    def amounts(self, rows: Batch) -> Floats:
        """(n, numbers) as they stand; NaN where missing."""
        table = table_of(rows)
        nothing = np.full(len(rows), np.nan)
        found = [_amounts(table[c]) if c in table.columns else nothing for c in self.numbers]
        return np.column_stack(found) if found else np.empty((len(rows), 0))

    def codes(self, rows: Batch) -> Ints:
        """(n, kinds) which value it is, from 1; 0 for what is rare, unseen or missing."""
        table = table_of(rows)
        found = np.zeros((len(rows), len(self.kinds)), np.int64)
        for at, (name, kinds) in enumerate(self.kinds.items()):
            places = {kind: place for place, kind in enumerate(kinds, 1)}
            values = table[name].to_list() if name in table.columns else []
            found[: len(values), at] = [places.get(value, 0) for value in values]
        return found

    def vectors(self, rows: Batch) -> Floats:
        """(n, d) numbers in standard deviations from their mean (0 if missing), kinds one-hot."""
        centre = np.array([centre for centre, _ in self.numbers.values()])
        spread = np.array([spread for _, spread in self.numbers.values()])
        scaled = np.clip((self.amounts(rows) - centre) / spread, -FAR, FAR)
        codes = self.codes(rows)
        chosen = [
            np.eye(len(kinds) + 1)[codes[:, at]] for at, kinds in enumerate(self.kinds.values())
        ]
        return np.hstack([np.nan_to_num(scaled, nan=0.0), *chosen])


def _amounts(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _scale(column: pl.Series) -> tuple[float, float]:
    values = _amounts(column)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    centre, spread = float(finite.mean()), float(finite.std())
    # equal values may differ in the last digit from their mean
    return centre, spread if spread > 1e-9 * abs(centre) else 1.0


def _kinds(column: pl.Series, rare: int) -> tuple[str, ...]:
    counts = column.drop_nulls().alias("kind").value_counts(name="rows")
    frequent = counts.filter(pl.col("rows") >= rare).sort(
        ["rows", "kind"], descending=[True, False]
    )
    return tuple(frequent["kind"].head(MOST_KINDS).to_list())
