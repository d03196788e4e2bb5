"""The hidden layer of every training row, on disk, in the order they were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse, vstack

from foretaste.data import Array, Floats, Ints
from foretaste.summaries.influence import Pulls


@dataclass
class Layers:
    """Rows go in piece by piece and come out as gradients; dense layers are mapped from disk.

    What is held in memory: a label and a position a row; of sparse layers, all of it.
    """

    folder: Path
    rows: int = 0
    hidden: Any = None  # (n, d) float32, once finished
    chances: Array = field(default_factory=lambda: np.empty((0, 0)))  # (n, k) float32
    columns: Ints | None = None  # of a sparse layer: those that are ever used, and so kept
    _parts: list[Any] = field(default_factory=list)  # sparse ones
    _codes: list[Ints] = field(default_factory=list)
    _index: list[Ints] = field(default_factory=list)
    _wide: tuple[int, int] = (0, 0)

    def add(self, hidden: Any, chances: Floats, codes: Ints, index: Ints) -> None:
        """The next rows: (n, d), (n, k), class codes (n,) and positions (n,) in the data."""
        if issparse(hidden):
            self._parts.append(hidden)
        else:
            self._append("hidden", hidden)
        self._append("chances", chances)
        self._wide = (hidden.shape[1], chances.shape[1])
        self._codes.append(codes)
        self._index.append(index)
        self.rows += len(codes)

    def finished(self) -> Layers:
        """No more rows will come."""
        d, k = self._wide
        if self._parts:
            whole = vstack(self._parts).tocsr()
            self.columns = np.unique(whole.indices)
            self.hidden = whole[:, self.columns]
        else:
            self.hidden = self._mapped("hidden", d)
        self.chances = self._mapped("chances", k)
        return self

    def of_others(self, hidden: Any) -> Any:
        """The hidden layer of other rows, in the same columns."""
        return hidden if self.columns is None else hidden.tocsr()[:, self.columns]

    @property
    def codes(self) -> Ints:
        """(n,) class codes, -1 where there is none."""
        return np.concatenate(self._codes)

    @property
    def index(self) -> Ints:
        """(n,) positions in the data."""
        return np.concatenate(self._index)

    def centre(self) -> Floats:
        """(d,) the mean of the hidden layer."""
        return np.asarray(self.hidden.mean(axis=0, dtype=np.float64)).ravel()

    def pulls(self, size: int) -> Iterator[tuple[int, Pulls]]:
        """The gradients of so many rows at a time, with the position of the first."""
        known = self.codes
        for start in range(0, self.rows, size):
            part = slice(start, start + size)
            chances = np.asarray(self.chances[part], np.float64)
            hidden = self.hidden[part]
            if self.columns is None:
                hidden = np.asarray(hidden, np.float64)
            yield start, Pulls.of(hidden, chances, known[part])

    def _append(self, name: str, array: Any) -> None:
        with (self.folder / name).open("ab") as file:
            np.ascontiguousarray(array, np.float32).tofile(file)

    def _mapped(self, name: str, wide: int) -> Array:
        return np.memmap(self.folder / name, np.float32, "r", shape=(self.rows, wide))
