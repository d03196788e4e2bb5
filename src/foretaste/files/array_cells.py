"""New values of roles as rows of the arrays they are read from: reading, backwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretaste.data import Array
from foretaste.errors import BadInput
from foretaste.files.array_rows import NUMBERS, Part, Scale, strings
from foretaste.files.arrays import Patch, Stored

Roles = Mapping[str, Any]


def patches(part: Part, changed: Mapping[int, Roles], added: Sequence[Roles]) -> dict[str, Patch]:
    """What is to be other in each array of a part, by role.

    changed: row of the part -> role -> value; added: role -> value of each new row
    """
    asked = {role for row in (*changed.values(), *added) for role in row}
    for role in asked - part.roles.keys():
        raise BadInput(f"no array of this data set holds {role}, so it cannot be changed")
    for role in part.roles.keys() if added else ():
        if any(role not in row for row in added):
            raise BadInput(f"new rows lack {role}, which {part.roles[role].name} must hold")
    return {role: _patch(role, part, changed, added) for role in asked}


def _patch(role: str, part: Part, changed: Mapping[int, Roles], added: Sequence[Roles]) -> Patch:
    stored = part.roles[role]
    new = {row: said[role] for row, said in changed.items() if role in said}
    fresh = [said[role] for said in added]
    writer = _Writer.of(role, stored, part.step, (*new.values(), *fresh), new)
    rows = {row: writer.row(value, writer.old[row]) for row, value in new.items()}
    more = [writer.row(value, None) for value in fresh]
    every = [*rows.values(), *more]
    wider = np.result_type(stored.dtype, *every) if stored.dtype.kind in "US" else None
    return Patch(rows, more, wider)


@dataclass
class _Writer:
    """Makes a row of an array of a value.

    old:   rows that are to change, as they stand
    known: value -> a row that was read as that value
    """

    role: str
    stored: Stored
    scale: Scale | None = None
    old: dict[int, Array] = field(default_factory=dict)
    known: dict[str | None, Array] = field(default_factory=dict)

    @classmethod
    def of(
        cls, role: str, stored: Stored, step: int, values: Sequence[Any], rows: Mapping[int, Any]
    ) -> _Writer:
        """Looks up what stands in the array."""
        made = cls(role, stored, Scale.of(stored) if role == "image" else None)
        names = {value for value in values if isinstance(value, str)}
        start = 0
        for some in stored.walk(step):
            made.old.update({row: some[row - start] for row in _within(rows, start, len(some))})
            if names and role != "text":
                made._learn(some, names)
            start += len(some)
        return made

    def row(self, value: Any, old: Array | None) -> Array:
        """The value as the array holds one."""
        if self.role == "image" and self.scale is not None:
            return self.scale.row(value, self.stored, old)
        if self.role == "features":
            return self._numbers(np.asarray(value).reshape(self.stored.shape[1:]))
        if self.role in NUMBERS:
            return self._numbers(np.asarray(value, np.float64))
        if value in self.known:
            return self.known[value]
        return self._word(value)

    def _learn(self, some: Array, names: set[str]) -> None:
        left = names - self.known.keys()
        for row, name in enumerate(strings(some)) if left else ():
            if name in left:
                self.known.setdefault(name, some[row])

    def _numbers(self, values: Array) -> Array:
        row = values.astype(self.stored.dtype)
        exact = np.allclose(row.astype(np.float64), values, rtol=1e-3, equal_nan=True)
        whole = self.stored.dtype.kind == "f" or np.array_equal(row, values)
        if not (exact and whole):
            raise BadInput(
                f"{self.stored.name} of type {self.stored.dtype} cannot hold {values.tolist()!r}"
            )
        return row

    def _word(self, value: str | None) -> Array:
        kind, shape = self.stored.dtype.kind, self.stored.shape[1:]
        try:
            if kind in "US":
                return np.asarray(value or "" if kind == "U" else (value or "").encode())
            if (value is None and kind == "f") or (value is not None and shape in ((), (1,))):
                number = np.nan if value is None else float(value)
                return self._numbers(np.full(shape, number))
        except ValueError:
            pass
        raise BadInput(
            f"{self.stored.name} of type {self.stored.dtype} cannot hold the {self.role} {value!r}"
        )


def _within(rows: Mapping[int, Any], start: int, count: int) -> Iterator[int]:
    return (row for row in range(start, start + count) if row in rows)
