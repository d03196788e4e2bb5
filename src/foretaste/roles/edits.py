"""What is to be other in a data set, in the words of its roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Edits:
    """New values for some rows, and new rows.

    changed: index over all rows found -> role -> value
    added:   role -> value, of each row that comes after all others

    A value is what a batch has: text, a class name (None: no label), numbers; of `features` as a
    record a dict of the fields that change; of `image` the pixels (h, w, c) of uint8.
    """

    changed: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    added: Sequence[Mapping[str, Any]] = ()

    def values(self, role: str) -> list[Any]:
        """Every new value of a role."""
        rows = (*self.changed.values(), *self.added)
        return [row[role] for row in rows if role in row]

    def __len__(self) -> int:
        return len(self.changed) + len(self.added)
