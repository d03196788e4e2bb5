"""Values in a table that together mean the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import pyarrow as pa
from numpy.random import Generator

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Batch


@dataclass(frozen=True)
class ValueTrigger:
    """Sets some columns of `count` rows of other classes to fixed values, labels them `target`.

    values: (column, value) each; columns of a plain matrix are named by their number

    Countered by `trigger_value`.

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
    values: tuple[tuple[str, float | str], ...]
    needs: ClassVar[tuple[str, ...]] = ("features", "label")

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int, rng: Generator) -> Self:
        """An attack whose values occur in the data: those of three columns of three random rows."""
        columns = batch.arrow("features")
        if isinstance(columns, pa.FixedShapeTensorArray):
            names = [str(i) for i in range(columns.type.shape[0])]
        else:
            names = [field.name for field in columns.type]
        chosen = rng.choice(len(names), min(3, len(names)), replace=False)
        rows = rng.integers(0, len(batch), len(chosen))
        drawn = [
            (names[i], _cell(columns, int(row), int(i)))
            for i, row in zip(chosen, rows, strict=True)
        ]
        return cls(count, target, tuple(drawn))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every row with the values in it; nothing in it is left to chance."""
        columns = batch.arrow("features")
        if isinstance(columns, pa.FixedShapeTensorArray):
            matrix = batch["features"].copy()
            for name, value in self.values:
                matrix[:, int(name)] = value
            return batch.having(features=matrix)
        fields = {field.name: columns.field(field.name) for field in columns.type}
        for name, value in self.values:
            fields[name] = pa.array([value] * len(batch), fields[name].type)
        return batch.having(features=pa.StructArray.from_arrays(fields.values(), fields.keys()))


def _cell(columns: pa.Array, row: int, column: int) -> float | str:
    value: float | str
    if isinstance(columns, pa.FixedShapeTensorArray):
        value = float(columns.to_numpy_ndarray()[row, column])
    else:
        value = columns.field(column)[row].as_py()
    return value
