"""What a row says, as a 64-bit key, and a mergeable list of who says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from foretaste.data import Array, Batch, Ints, Keys, Mask

# What makes two rows the same row; who sent it, when, and its label do not.
COLUMNS = ("text", "prompt", "response", "rejected", "image", "features", "item")
_SEED = 20_250_701  # any number, so long as every part of a scan uses the same


def keys(batch: Batch) -> Keys:
    """(n,) equal for rows of equal content, whatever their label; 0 for rows without any.

    >>> same, other = Batch(list("ab"), {"text": ["hi", "hi"]}), Batch(["c"], {"text": ["ho"]})
    >>> len({*keys(same).tolist(), *keys(other).tolist()})
    2
    """
    names = [name for name in COLUMNS if name in batch]
    if names == ["item"] and "user" in batch:  # a rating: who, of what
        names.append("user")
    if not names and "pixels" in batch:
        names = ["pixels"]
    if not names:
        return np.zeros(len(batch), np.uint64)
    return hashed(*(batch.arrow(name) for name in names))


def hashed(*columns: pa.Array) -> Keys:
    """(n,) one 64-bit key a row over its values in all columns; 0 where all of them are null."""
    frame = pl.DataFrame({str(at): series(column) for at, column in enumerate(columns)})
    empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    found: Keys = frame.hash_rows(_SEED).to_numpy()
    return np.where(empty, np.uint64(0), np.where(found == 0, np.uint64(1), found))


def series(column: pa.Array) -> pl.Series:
    """A column for polars, without a copy where there is a way; a tensor row becomes its bytes."""
    if isinstance(column, pa.FixedShapeTensorArray):
        rows = _bytes(column.to_numpy_ndarray()) if len(column) else []
        return pl.Series(rows, dtype=pl.Binary)
    return pl.Series(pl.from_arrow(column))


def column(batch: Batch, name: str, dtype: pl.DataType) -> pl.Series:
    """A column that a batch may have, or nulls in its place."""
    if name in batch:
        return series(batch.arrow(name)).cast(dtype)
    return pl.repeat(None, len(batch), dtype=dtype, eager=True)


def _bytes(tensor: Array) -> list[bytes]:
    rows = np.ascontiguousarray(tensor).reshape(len(tensor), -1)
    return [row.tobytes() for row in rows]


@dataclass(frozen=True)
class Gathered:
    """Some columns of every row seen; grows with the rows, by the bytes of those columns."""

    parts: tuple[pl.DataFrame, ...]

    @classmethod
    def of(cls, batch: Batch, **columns: pl.Series | Array) -> Gathered:
        """Of a batch: the columns given, and its `index` and `location` where it has them."""
        if not len(batch):
            return cls(())
        where = {
            "index": column(batch, "index", pl.Int64()),
            "location": column(batch, "location", pl.String()),
        }
        return cls((pl.DataFrame({**columns, **where}),))

    def merge(self, other: Gathered) -> Gathered:
        return Gathered(self.parts + other.parts)

    def sorted(self, *ties: str) -> pl.DataFrame:
        """All rows, in reading order however they were merged; then by the columns named."""
        return pl.concat(self.parts).sort("index", *ties) if self.parts else pl.DataFrame()


def listed(names: Sequence[str], count: int) -> str:
    """Some rows by name and the rest by number.

    >>> listed(["a.csv:1", "a.csv:9"], 7), listed(["a.csv:1"], 1)
    ('7 other rows: a.csv:1, a.csv:9 and 5 more', '1 other row: a.csv:1')
    """
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{count} other row{'s' * (count != 1)}: {', '.join(names)}{more}"


def places(rows: pl.Series, indices: pl.Series) -> tuple[tuple[str, ...], ...]:
    """How a reason names the rows of each group, from lists of their locations and indices."""
    groups = zip(rows, indices, strict=True)
    return tuple(tuple(map(named, *group)) for group in groups)


def named(location: str | None, index: int | None) -> str:
    """How a reason names a row.

    >>> named("rows.csv:12", 10), named(None, 10), named(None, None)
    ('rows.csv:12', 'row 10', 'another row')
    """
    if location:
        return " ".join(location.split())[:200]
    return "another row" if index is None else f"row {index}"


def own_name(one: Batch) -> str:
    """The name of the only row of a batch."""
    location = one["location"][0] if "location" in one else None
    return named(location, int(one["index"][0]) if "index" in one else None)


def found(known: Keys, asked: Keys) -> tuple[Ints, Mask]:
    """Where each key stands among the known ones (ascending), and whether it does.

    >>> [a.tolist() for a in found(np.array([3, 5], np.uint64), np.array([5, 4], np.uint64))]
    [[1, 1], [True, False]]
    """
    if not len(known):
        return np.zeros(len(asked), np.int64), np.zeros(len(asked), bool)
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return at, known[at] == asked
