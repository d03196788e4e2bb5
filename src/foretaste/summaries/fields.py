"""What the values of each field of a table look like, without the values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from foretaste.data import Batch, Ints
from foretaste.summaries.content import series

MOST_KINDS = 2000  # a field with more different values than this is text, not a category
OCTAVES = 32  # lengths are counted by powers of two
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


@dataclass(frozen=True)
class Field:
    """One field: counts only; grows by a line for each of at most 2,000 different values."""

    rows: int
    missing: int  # null, or NaN among numbers
    infinite: int
    numbers: int  # among strings: those that read as a number
    lengths: Ints  # (32,) how many values have 2**(i-1) up to 2**i - 1 letters
    kinds: Mapping[str, int] | None  # value -> rows; None where there are too many

    def plus(self, other: Field) -> Field:
        """Of the rows of both."""
        kinds = None
        if self.kinds is not None and other.kinds is not None:
            both = Counter(self.kinds) + Counter(other.kinds)
            kinds = both if len(both) <= MOST_KINDS else None
        return Field(
            self.rows + other.rows,
            self.missing + other.missing,
            self.infinite + other.infinite,
            self.numbers + other.numbers,
            self.lengths + other.lengths,
            kinds,
        )


@dataclass(frozen=True)
class Fields:
    """The fields of all rows seen, by name."""

    fields: Mapping[str, Field]

    @classmethod
    def of(cls, table: pl.DataFrame) -> Fields:
        """Of a table of numbers and strings."""
        return cls({name: _field(table[name]) for name in table.columns} if len(table) else {})

    def merge(self, other: Fields) -> Fields:
        both = dict(self.fields)
        for name, theirs in other.fields.items():
            both[name] = both[name].plus(theirs) if name in both else theirs
        return Fields(both)


def _field(values: pl.Series) -> Field:
    none = np.zeros(OCTAVES, np.int64)
    if values.dtype == pl.String:
        present = values.drop_nulls()
        lengths = np.bincount(
            np.minimum(octave(present).to_numpy(), OCTAVES - 1), minlength=OCTAVES
        )
        counts = present.value_counts()
        few = len(counts) <= MOST_KINDS
        kinds = dict(zip(*counts.get_columns(), strict=True)) if few else None
        missing = len(values) - len(present)
        return Field(len(values), missing, 0, int(is_number(present).sum()), none + lengths, kinds)
    numbers = values.cast(pl.Float64)
    missing = int((numbers.is_null() | numbers.is_nan().fill_null(value=False)).sum())
    infinite = int(numbers.is_infinite().sum())
    return Field(len(values), missing, infinite, len(values) - missing, none, None)


def table_of(batch: Batch) -> pl.DataFrame:
    """The column `features` of a batch as a table; the columns of a tensor are called 0, 1, 2.

    >>> table_of(Batch(["a"], {"features": [[1.5, 2.0]]})).columns
    ['0', '1']
    """
    column = batch.arrow("features")
    if hasattr(column.type, "shape"):
        values = batch["features"].reshape(len(batch), -1)
        return pl.DataFrame(np.asarray(values, np.float64), schema=_numbered(values.shape[1]))
    return series(column).struct.unnest()


def _numbered(count: int) -> dict[str, type[pl.Float64]]:
    return {str(at): pl.Float64 for at in range(count)}


def is_number(values: pl.Series) -> pl.Series:
    """Which strings read as a number."""
    return values.str.contains(_NUMBER).fill_null(value=False)


def octave(values: pl.Series) -> pl.Series:
    """The power of two that the number of letters of each string stays below; null of null."""
    return (values.str.len_chars().cast(pl.Float64) + 1).log(2).ceil().cast(pl.Int64)
