"""What is written down of a record at the gate, and of a window."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from foretaste.streaming import Ruling

SCHEMA = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Reason(_Record):
    """What one check had against a record."""

    check: str
    surprise: float | None  # -log10 of a p-value; inf: a plain fact; None: could not tell
    text: str


class Decision(_Record):
    """What the gate decided of one record, and why.

    id follows from the settings, the trusted rows, every record before this one and the record
    itself: whoever replays the stream gets the same ids, and one changed record changes them all
    from there on.
    """

    record_schema: int = Field(SCHEMA, alias="schema")
    id: str
    record: str  # content id
    key: str = ""  # what the sender calls the record, if anything
    sequence: int  # how many records came before it
    window: int
    arrived: float  # seconds since 1970, by the gate's clock
    source: str = ""
    ruling: Ruling
    scores: dict[str, float | None]  # aspect -> surprise, paid for all its checks; None: NaN
    reasons: tuple[Reason, ...] = ()


class Pulled(_Record):
    """A record that was let in at the door and taken out when its window was over."""

    id: str  # of the decision it overrules
    record: str
    sequence: int
    reasons: tuple[Reason, ...]


class WindowRecord(_Record):
    """One window, over: what came, what stands and may be learned from."""

    record_schema: int = Field(SCHEMA, alias="schema")
    window: int
    id: str  # follows from all decisions so far and what was pulled
    first: int  # sequence of its first record
    records: int
    admitted: int  # that still stand
    held: int  # at the door
    rejected: int
    pulled: tuple[Pulled, ...] = ()
    content: str  # SHA-256 over the content ids of what stands, in order
    failures: tuple[str, ...] = ()  # checks that failed, and held what they could not judge
