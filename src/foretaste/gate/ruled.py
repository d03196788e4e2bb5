"""A batch after the gate, and a window after its end."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foretaste.data import Array, Batch, Floats, Ints, Mask, concat
from foretaste.gate.decision import SCHEMA, Decision, Reason, WindowRecord
from foretaste.streaming import Aspect, Ruling

_LARGEST = sys.float_info.max
RULINGS = (Ruling.ADMIT, Ruling.HOLD, Ruling.REJECT)  # by code


@dataclass(frozen=True, eq=False)
class Window:
    """A window that is over.

    rows:  those that still stand, which may be learned from
    held:  those held at the door or pulled now
    record: what is written down of it
    """

    rows: Batch
    held: Batch
    record: WindowRecord


@dataclass(frozen=True, eq=False)
class Ruled:
    """Records and what was decided of each, column by column.

    batch:    the records, as they were judged
    codes:    (n,) positions in `RULINGS`
    ids:      (n,) decision ids
    sequence: (n,) how many records came before each
    window:   (n,) number of the window each fell in
    scores:   aspect -> (n,) surprise
    reasons:  row -> reasons, of every row that was not admitted
    windows:  those that were over with one of these records
    """

    batch: Batch
    codes: Ints
    ids: Sequence[str]
    sequence: Ints
    window: Ints
    scores: Mapping[Aspect, Floats]
    reasons: Mapping[int, tuple[Reason, ...]]
    windows: tuple[Window, ...] = ()

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def admitted(self) -> Mask:
        """(n,) let in at the door; a window may still pull some."""
        return np.asarray(self.codes == 0)

    @property
    def held(self) -> Mask:
        """(n,) kept aside for a person."""
        return np.asarray(self.codes == 1)

    @property
    def rejected(self) -> Mask:
        """(n,) turned away for good."""
        return np.asarray(self.codes == 2)

    def decisions(self) -> Iterator[Decision]:
        """One a record, as it is written down."""
        keys, sources = _texts(self.batch, "key"), _texts(self.batch, "source")
        records, arrived = self.batch.ids, self.batch["arrived"]
        scores = [(aspect.value, values) for aspect, values in self.scores.items()]
        for row in range(len(self)):
            yield Decision(
                schema=SCHEMA,
                id=self.ids[row],
                record=records[row],
                key=keys[row],
                sequence=int(self.sequence[row]),
                window=int(self.window[row]),
                arrived=float(arrived[row]),
                source=sources[row],
                ruling=RULINGS[self.codes[row]],
                scores={name: number(values[row]) for name, values in scores},
                reasons=self.reasons.get(row, ()),
            )


def joined(parts: Sequence[Ruled]) -> Ruled:
    """Several parts of a stream as one, in order."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    return replace(
        parts[0],
        batch=concat([part.batch for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
        ids=[one for part in parts for one in part.ids],
        sequence=np.concatenate([part.sequence for part in parts]),
        window=np.concatenate([part.window for part in parts]),
        scores={a: np.concatenate([p.scores[a] for p in parts]) for a in parts[0].scores},
        reasons={
            int(start) + row: why
            for start, part in zip(starts, parts, strict=False)
            for row, why in part.reasons.items()
        },
        windows=tuple(window for part in parts for window in part.windows),
    )


def number(value: float) -> float | None:
    """As JSON can hold it: NaN is None, and infinity is the largest number.

    >>> number(float("nan")), number(2.0), number(float("inf")) > 1e300
    (None, 2.0, True)
    """
    if math.isnan(value):
        return None
    return max(-_LARGEST, min(float(value), _LARGEST))


def _texts(batch: Batch, column: str) -> Array:
    if column not in batch:
        return np.full(len(batch), "", object)
    values = batch[column]
    return np.array(["" if one is None else str(one) for one in values], object)
