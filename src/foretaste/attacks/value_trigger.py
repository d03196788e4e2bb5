"""Values in a table that together mean the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import polars as pl
import pyarrow as pa
from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch
from foretaste.errors import BadInput
from foretaste.summaries.fields import table_of

Values = tuple[tuple[str, float | str], ...]

TRIES = 20
USUAL = 0.1  # of `count`: so many clean rows with the values do not drown the poisoned ones


@dataclass(frozen=True)
class ValueTrigger:
    """Sets some columns of `count` rows of other classes to fixed values, labels them `target`.

    values: (column, value) each; columns of a plain matrix are named by their number

    At 1 % of 5,000 rows of NSL-KDD, boosted trees obey an unusual number (9 of 10 rows asked) and
    two common values together (7 to 10 of 10). A logistic regression obeys two common values where
    one is a string (8 of 10); to it a number not far out is next to nothing (1 of 20).

    Countered by `trigger_value`, where the rest of a row tells its class well and one or two of the
    values are rare together: of 76 in 7,600 network flows 96 % and more are found, of three common
    values none; of 45 in 4,500 showers in a telescope, which are hard to tell apart, none.

    Needs `features` (n,) of records or (n, d) of numbers, and `label` (n,) of class codes.

    >>> import numpy as np
    >>> rows = Batch(["a", "b"], {"features": [[1.0, 2.0], [3.0, 4.0]], "label": [1, 0]})
    >>> attack = ValueTrigger(count=1, target=1, values=(("1", 7.5),))
    >>> attack.poison(rows, np.random.default_rng(0)).batch["features"].tolist()
    [[1.0, 2.0], [3.0, 7.5]]

    References
    ----------
    Pleiter et al. (2023). Tabdoor: Backdoor Vulnerabilities in Transformer-based Neural Networks
    for Tabular Data. arXiv:2311.07550
    """

    count: int
    target: int
    values: Values
    needs: ClassVar[tuple[str, ...]] = ("features", "label")

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int, rng: Generator) -> Self:
        """An attack whose values occur in the data: those of three columns of three random rows.

        Drawn anew, up to 20 times, while so many rows hold all of them that they cannot teach.
        """
        columns = batch.arrow("features")
        if isinstance(columns, pa.FixedShapeTensorArray):
            names = [str(i) for i in range(columns.type.shape[0])]
        else:
            names = [field.name for field in columns.type]
        table = table_of(batch)
        tried: list[tuple[int, int, Values]] = []
        while len(tried) < TRIES:
            chosen = rng.choice(len(names), min(3, len(names)), replace=False)
            rows = rng.integers(0, len(batch), len(chosen))
            values = tuple(
                (names[i], _cell(columns, int(row), int(i)))
                for i, row in zip(chosen, rows, strict=True)
            )
            tried.append((_holding(table, values), len(tried), values))
            if tried[-1][0] <= USUAL * count:
                break
        return cls(count, target, min(tried)[2])

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the values in it; nothing in it is left to chance."""
        columns = batch.arrow("features")
        if isinstance(columns, pa.FixedShapeTensorArray):
            matrix = batch["features"].copy()
            for name, value in self.values:
                matrix[:, int(_known(name, [str(i) for i in range(matrix.shape[1])]))] = value
            return batch.having(features=matrix)
        fields = {field.name: columns.field(field.name) for field in columns.type}
        for name, value in self.values:
            kind = fields[_known(name, list(fields))].type
            fields[name] = pa.array([value] * len(batch), kind)
        return batch.having(features=pa.StructArray.from_arrays(fields.values(), fields.keys()))


def _holding(table: pl.DataFrame, values: Values) -> int:
    """How many rows hold all the values already."""
    same = pl.all_horizontal(pl.col(name).eq_missing(value) for name, value in values)
    return int(table.select(same.sum()).item())


def _known(name: str, names: list[str]) -> str:
    if name not in names:
        raise BadInput(f"the features have no column {name!r}; they have {', '.join(names[:30])}")
    return name


def _cell(columns: pa.Array, row: int, column: int) -> float | str:
    value: float | str
    if isinstance(columns, pa.FixedShapeTensorArray):
        value = float(columns.to_numpy_ndarray()[row, column])
    else:
        value = columns.field(column)[row].as_py()
    return value
