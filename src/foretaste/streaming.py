"""What is done to live records, on one page, as `contracts` is for rows.

A `Check` is what a detector is to a data set: it judges records in the order in which they come,
and learns only from those that were let in. Records are cut into windows by number, never by the
clock: a record is judged at the door, alone, with what was seen before it; when its window is
full, all of the window is looked at together; what then still stands is learned from.

    start(trusted)                 -> state       what rows known to be clean teach
    judge(batch, state)            -> surprise    at the door; counts every arrival
    settle(window, state)          -> surprise    (optional) with the whole window at hand
    learn(window, admitted, state) -> state       from what was let in, and nothing else
    heed(rows, clean, state)       -> state       (optional) what people decided about held rows
    weigh(batch, state)            -> factors     (optional) how strict to be with each record

Laws, checked for every check by `foretaste.testing`:

    the same decisions, however the stream is cut into batches
    learning from nothing that was admitted moves nothing but counts of arrivals
    a state that was packed and unpacked goes on as if it never had been
    the same records, settings and trusted rows give the same decisions
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from foretaste.data import Batch, Floats, Mask


class Ruling(StrEnum):
    """What becomes of a record."""

    ADMIT = "admit"
    HOLD = "hold"  # kept aside for a person
    REJECT = "reject"  # breaks the contract of the stream: nothing a person could save


class Aspect(StrEnum):
    """What a check looks at."""

    FORM = "form"  # is it the kind of record this stream is said to carry?
    INTEGRITY = "integrity"  # do its values, and its label, look like those of honest records?
    ORIGIN = "origin"  # who sent it, how much, in whose company?
    DUPLICATION = "duplication"  # was it, or nearly it, sent before?


T = TypeVar("T")


class Check(Protocol[T]):
    """Judges records as they come.

    needs:  columns without which the check is left out of a gate
    aspect: what it looks at

    The state is a dataclass whose fields are numpy arrays without objects, numbers, strings,
    None, tuples of these, a `Batch`, or such dataclasses; it is bounded, or the docstring says by
    what it grows. A state that was given away is not used again, so its arrays may be changed in
    place.

    Every batch has `arrived` (n,) float64, seconds since 1970, which never falls: the gate's own
    clock, not the sender's. `source` (n,) of strings, `time`, `label` (class codes of the trusted
    rows; an unknown label is `UNLABELLED`) and content are there if the stream has them.
    """

    needs: ClassVar[tuple[str, ...]]
    aspect: ClassVar[Aspect]

    def start(self, trusted: Batch) -> T:
        """trusted: rows known to be clean, in the order in which they came"""

    def judge(self, batch: Batch, state: T) -> tuple[Floats, T]:
        """(n,) surprise: -log10 of how often an honest record looks at least as odd.

        0: nothing to say; inf: a plain fact that an honest record cannot show; NaN: cannot tell,
        which holds the record. Depends on earlier records, not on those after it in the batch.
        """

    def learn(self, window: Batch, admitted: Mask, state: T) -> T:
        """What the check knows when the window is over."""

    def explain(self, batch: Batch, row: int, state: T) -> str:
        """One line that a reviewer can act on."""


@runtime_checkable
class Settler(Protocol):
    """A check that looks at a window as a whole before anything is learned from it."""

    def settle(self, window: Batch, admitted: Mask, state: object) -> Floats:
        """(n,) surprise of each record, in the company of its window; 0 where nothing to say."""


@runtime_checkable
class Heeder(Protocol):
    """A check that hears what people decided about records that were held."""

    def heed(self, rows: Batch, clean: Mask, state: object) -> object:
        """clean: (n,) which were found clean and let in after all"""


@runtime_checkable
class Weigher(Protocol):
    """A check that says how much of the false alarms a record's origin deserves."""

    def weigh(self, batch: Batch, state: object) -> Floats:
        """(n,) above 1: held sooner; below 1: later. Never waives a fact."""
