"""Columns of expensive encoders, kept on disk by content id: what was encoded once stays so."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from foretaste.data import Batch, Ints, Mask
from foretaste.errors import BadRecord
from foretaste.store import read_columns, write_columns


def cache_folder() -> Path:
    """Where things that can be made again are kept: $FORETASTE_CACHE or the user's own."""
    chosen = os.environ.get("FORETASTE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foretaste"


@dataclass
class ColumnCache:
    """What one encoder, with its settings, made of rows it has met before.

    Grows by the size of a row's columns and 16 bytes in memory for each row kept. Rows are
    found by the first 64 bits of their id and checked by all of it.
    """

    folder: Path
    columns: tuple[str, ...]
    _keys: np.ndarray[tuple[int], np.dtype[np.uint64]] = field(init=False)
    _places: Ints = field(init=False)  # (m, 2) file number and row of each key
    _files: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        self._files = sorted(self.folder.glob("*.arrow")) if self.folder.exists() else []
        found = [self._keys_of(number) for number in range(len(self._files))]
        keys = np.concatenate([np.empty(0, np.uint64), *(one[0] for one in found)])
        places = np.concatenate([np.empty((0, 2), np.int64), *(one[1] for one in found)])
        order = np.argsort(keys, kind="stable")
        self._keys, self._places = keys[order], places[order]

    @classmethod
    def of(cls, spec: str, columns: tuple[str, ...]) -> ColumnCache:
        """The cache for one encoder; spec is all that its answer depends on but the row."""
        name = hashlib.sha256(spec.encode()).hexdigest()[:16]
        return cls(cache_folder() / "encodings" / name, columns)

    def find(self, batch: Batch) -> tuple[Mask, dict[str, pa.Array]]:
        """(n,) which rows are known, and the columns of those, in their order."""
        keys = batch.keys
        at = np.searchsorted(self._keys, keys)
        known = at < len(self._keys)
        known[known] = self._keys[at[known]] == keys[known]
        near = {int(number) for number in self._places[at[known], 0]}
        wanted, opened = batch.ids, {number: read_columns(self._files[number]) for number in near}
        pieces: dict[str, list[pa.Array]] = {name: [] for name in self.columns}
        for row in np.flatnonzero(known):
            number, place = self._places[at[row]]
            ids, columns = opened[int(number)]
            if ids[int(place)].as_py() != wanted[row]:
                known[row] = False
                continue
            for name in self.columns:
                pieces[name].append(columns[name].slice(int(place), 1))
        return known, {name: pa.concat_arrays(all_) for name, all_ in pieces.items() if all_}

    def keep(self, batch: Batch) -> None:
        """Adds rows with their columns; seen by the next cache opened here."""
        if len(batch):
            name = hashlib.sha256("".join(batch.ids.tolist()).encode()).hexdigest()[:24]
            write_columns(self.folder / f"{name}.arrow", batch, self.columns)

    def _keys_of(self, number: int) -> tuple[np.ndarray, Ints]:
        try:
            ids, _ = read_columns(self._files[number])
        except BadRecord:
            self._files[number].unlink(missing_ok=True)  # what is damaged is made again
            return np.empty(0, np.uint64), np.empty((0, 2), np.int64)
        keys = Batch(ids, {}).keys
        return keys, np.column_stack([np.full(len(keys), number), np.arange(len(keys))])
