"""What is written down: small, frozen, versioned; the only thing reports and consoles read."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1


class Verdict(StrEnum):
    """What a scan says of a data set."""

    CLEAN = "clean"  # nothing found; the power says what would have been
    DIRTY = "dirty"  # natural dirt only
    POISONED = "poisoned"  # structure that accidents do not make


class Decision(StrEnum):
    """What becomes of a row."""

    ADMIT = "admit"
    HOLD = "hold"  # a person decides; also what a crashed detector leads to
    REJECT = "reject"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(_Record):
    """One detector's reason to suspect one row."""

    index: int  # 0-based position in reading order; -1 for the data set as a whole
    id: str
    location: str
    detector: str
    kind: Literal["hygiene", "attack"]
    score: float
    p_value: float
    reason: str


class DetectorRun(_Record):
    """How one detector did in one scan."""

    name: str
    settings: dict[str, Any]
    kind: str
    scale: str
    status: Literal["ran", "failed", "skipped"]
    detail: str = ""  # why it failed or was skipped; else what it looked at
    null: dict[str, float | str] = Field(default_factory=dict)  # the null that was fitted
    flagged: int = 0
    cannot_tell: int = 0  # rows it gave NaN


class Group(_Record):
    """Some rows that one detector suspects together, and what the override test said."""

    detector: str
    name: str
    label: str
    rows: int
    verdict: Literal["attack", "hygiene", "natural", "untested"]
    kept_label: float | None = None  # share that keeps its label when the group is left out
    learned_label: float | None = None  # share predicted as labelled with the group in
    p_value: float | None = None
    members: tuple[int, ...] = ()  # first indices, at most 1,000
    detail: str = ""


class Concept(_Record):
    """How sensitive a class is, in the scan's own network, to what accused rows of it share."""

    detector: str
    label: str
    rows: int
    layer: int  # counted from the picture; 1 is the first hidden one
    score: float  # TCAV: share of rows of other classes that would be pushed to the class
    effect: float  # change of the logit, mean over those rows
    random: float  # the same of random groups of the class
    p_value: float  # of a random group with so large an effect; at least 1e-6


class Power(_Record):
    """The smallest planted poison a scan would have found in this data."""

    family: str  # the attack's name
    settings: dict[str, Any]
    tried: tuple[int, ...]  # counts of planted rows, ascending
    recall: tuple[float, ...]  # share of the planted rows flagged, a count
    smallest_found: int | None  # smallest count with recall of one half or more
    rate: float | None  # that count over the rows of the data set
    detail: str = ""


class Bound(_Record):
    """With this confidence at most `clean` of the `flagged` most suspicious rows are clean."""

    flagged: int
    clean: int
    confidence: float
    exact: bool  # with trusted rows; approximate without


class Stage(_Record):
    """Where the time went."""

    name: str
    seconds: float
    rows: int
    of: str = ""  # the stage it is a part of, whose seconds include it


class Counts(_Record):
    """Rows read and rows refused always add up to the rows found."""

    found: int
    read: int
    refused: int
    flagged: int
    attack: int
    hygiene: int
    held: int


class Record(_Record):
    """One scan, whole; `record.json`."""

    record_schema: int = Field(SCHEMA, alias="schema")
    verdict: Verdict
    dataset: dict[str, Any]  # name, format, fingerprint, roles, classes
    counts: Counts
    alpha: float
    plan: dict[str, Any]  # encoders, detectors, settings, trusted
    detectors: tuple[DetectorRun, ...]
    groups: tuple[Group, ...] = ()
    concepts: tuple[Concept, ...] = ()
    explained: tuple[str, ...] = ()  # how the rows shown were explained, and what was not
    bounds: tuple[Bound, ...] = ()
    power: tuple[Power, ...] = ()
    not_checked: tuple[str, ...] = ()
    telling: tuple[Finding, ...] = ()  # the most telling rows
    sources: tuple[dict[str, Any], ...] = ()  # where findings concentrate
    stages: tuple[Stage, ...] = ()
    versions: dict[str, str]
    seed: int
    started: str  # UTC, ISO 8601
    finished: str

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
