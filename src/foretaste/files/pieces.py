"""Rows just read, before anybody has said what the columns mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Ints, Refusal

Cells = Mapping[str, Any]  # column -> what is to stand in it
Changes = Mapping[int, Cells]  # index of a row, over all rows found -> its new cells


@dataclass(frozen=True)
class Piece:
    """Some rows of one file, column by column.

    found counts what stood there, read or not; positions and the refusals' indices are places
    among those found.
    """

    columns: Mapping[str, Sequence[Any] | pa.Array]
    positions: Ints  # (n,) 0-based place of each row among the rows found in this piece
    locations: pa.Array  # (n,) large_string
    found: int
    refused: tuple[Refusal, ...] = ()


def numbered(name: str, numbers: Sequence[int] | Ints) -> pa.Array:
    """The locations `name:number`.

    >>> numbered("a.csv", [2, 3]).to_pylist()
    ['a.csv:2', 'a.csv:3']
    """
    digits = pa.array(np.asarray(numbers, np.int64)).cast(pa.large_string())
    lead = pa.scalar(f"{name}:", pa.large_string())
    return pc.binary_join_element_wise(lead, digits, pa.scalar("", pa.large_string()))


def only_refused(location: str, reason: str) -> Piece:
    """What is left of a file that gave no rows: one refusal, counted as one row found."""
    nothing = pa.array([], pa.large_string())
    return Piece({}, np.empty(0, np.int64), nothing, 1, (Refusal(0, location, reason),))
