"""Where a gate stands: all it knows between two records, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretaste.data import Batch, Ints, concat
from foretaste.gate.decision import Reason


@dataclass
class Standing:
    """All that changes in a gate; packed, it is a snapshot.

    states:   name of a check -> its state
    chain:    SHA-256 over the settings, the trusted rows and all that happened since
    sequence: records so far
    window:   number of the open window
    first:    sequence of its first record
    clock:    the latest arrival, seconds since 1970
    rows:     the open window's records that could be judged, part by part
    codes:    their rulings; places: their sequences; ids: of the decisions on them
    rejected, held: records of the open window by ruling, those that could not be judged too
    failures: checks that failed in the open window
    """

    states: dict[str, Any]
    chain: bytes
    sequence: int = 0
    window: int = 0
    first: int = 0
    clock: float = 0.0
    rows: list[Batch] = field(default_factory=list)
    codes: list[Ints] = field(default_factory=list)
    places: list[Ints] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    held: int = 0
    rejected: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Records in the open window."""
        return self.sequence - self.first

    def extend(self, *parts: str | bytes) -> str:
        """Something happened: the chain goes on, and what it then says is a name for it."""
        digest = hashlib.sha256(self.chain)
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        self.chain = digest.digest()
        return self.chain.hex()[:32]

    def add(self, rows: Batch, codes: Ints, places: Ints, ids: list[str]) -> None:
        """Records that were judged."""
        self.rows.append(rows)
        self.codes.append(codes)
        self.places.append(places)
        self.ids.extend(ids)

    def gathered(self) -> tuple[Batch, Ints, Ints]:
        """The open window's judged records as one batch, their rulings and sequences."""
        return concat(self.rows), np.concatenate(self.codes), np.concatenate(self.places)

    def turn(self) -> None:
        """The next window is open."""
        self.window, self.first = self.window + 1, self.sequence
        self.rows, self.codes, self.places, self.ids = [], [], [], []
        self.held, self.rejected, self.failures = 0, 0, []


Why = dict[int, list[Reason]]
