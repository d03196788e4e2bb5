"""What is written down of model updates: how they were measured, let in, undone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Measured(_Record):
    """One canary, shown to two models.

    canary: "clean rows", "clean rows of CLASS", or what a known trigger is called
    loss:   share of the clean rows that were right and no longer are, less those won; or the share
            of triggered rows that get what an attacker wants
    low, high: its bounds, each by itself at the confidence asked for
    bound:  what `high` must not exceed (proof of health), or `low` (no proof of harm)
    """

    canary: str
    rows: int
    before: float
    after: float
    loss: float
    low: float
    high: float
    bound: float
    holds: bool
    why: str


class Guarded(_Record):
    """Whether an update may be used, and what each canary said."""

    record_schema: int = Field(SCHEMA, alias="schema")
    admitted: bool
    against: Literal["the model in use", "a model without the newest window", "nothing"]
    confidence: float
    canaries: tuple[Measured, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not; empty where every canary holds."""
        return tuple(one.why for one in self.canaries if not one.holds)


class Update(_Record):
    """One model update: what it learned from, how it was measured, what became of it.

    model:   SHA-256 of the model's file; parent: of the model in use before it, "" for none
    learned: content digests of the windows it learned from, in order
    newest:  those that the model in use had not learned from
    shadow:  the same measured against a model that was trained without the newest windows
    """

    record_schema: int = Field(SCHEMA, alias="schema")
    number: int
    model: str
    parent: str
    recipe: str = ""
    learned: tuple[str, ...]
    newest: tuple[str, ...]
    guarded: Guarded
    shadow: Guarded | None = None
    admitted: bool
    time: str  # UTC, ISO 8601


class Rollback(_Record):
    """Updates undone, and the windows set aside with them.

    back_to: number of the update in use again; 0: none is in use
    """

    record_schema: int = Field(SCHEMA, alias="schema")
    back_to: int
    undone: tuple[int, ...]
    windows: tuple[str, ...]
    rows: int
    by: str
    why: str
    time: str


class Found(_Record):
    """One record that was let in, and found bad afterwards."""

    record: str  # content id
    window: str  # content digest of its window
    detectors: tuple[str, ...]
    reason: str
    updates: tuple[int, ...]  # that had learned from it


class PullBack(_Record):
    """A look back over windows that were let in."""

    record_schema: int = Field(SCHEMA, alias="schema")
    windows: tuple[str, ...]
    rows: int
    verdict: str
    found: tuple[Found, ...]
    updates: tuple[int, ...]  # every update that learned from one of them
    in_use: bool  # whether the model in use is one of those
    time: str
