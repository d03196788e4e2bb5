"""The answer to a question about lineage: what the terminal, JSON and the page show."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1

State = Literal["bad", "tainted", "set aside", "cleaned", "poisoned", "dirty", "clean", "unjudged"]
Relation = Literal["asked", "origin", "learned", "cause"]
How = Literal[
    "is bad", "trained on it", "made of such a model", "cleaned before", "learned", "without it"
]
Act = Literal["roll back", "take out of use", "retrain", "clean"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Against(_Frozen):
    """The state of the log that every entry shown was checked against."""

    origin: str
    size: int
    root: str  # hexadecimal


class Judged(_Frozen):
    """One verdict on a thing."""

    index: int
    verdict: str


class ThingNote(_Frozen):
    """A source, data set, model … of which the ledger tells.

    id:       in this answer; means nothing elsewhere
    relation: asked: what was asked about; origin: it came from there; learned: it was made from
        it; cause: it is none of these, and spoilt what was made from it
    state:    bad: condemned by its last verdict, planted or named; tainted: made from what is bad;
        set aside: quarantined; cleaned: made from it, less what was bad; else its last verdict, or
        unjudged. Asked about a row, only that row counts as bad, and data condemned for others is
        called poisoned
    because:  ids of the bad things that it was made from
    verdicts: all that were given on it, oldest first; the last one counts
    in_use:   places where a model is in use ("" for the only one)
    undone:   entry of the rollback that took it back, if it was not promoted since
    first:    entry that first names it
    """

    id: int
    kind: str
    name: str
    names: tuple[str, ...] = ()
    digest: dict[str, str]
    relation: Relation
    state: State
    because: tuple[int, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    in_use: tuple[str, ...] = ()
    undone: int | None = None
    first: int


class EventNote(_Frozen):
    """One entry of the ledger.

    used, made: ids of things in this answer; others: how many more the entry names
    records:    digests of records and signatures that it names, "sha256:…"
    """

    index: int
    kind: str
    at: str
    by: str
    used: tuple[int, ...]
    made: tuple[int, ...]
    others: int
    records: tuple[str, ...]
    facts: dict[str, Any]


class Origin(NamedTuple):
    """One thing made from another, by an entry; in JSON `[source, made, entry]`."""

    source: int
    made: int
    entry: int


class ModelNote(_Frozen):
    """A model that learned from what was asked about, and how.

    how: without it: it learned from data that have the row no more
    """

    thing: int
    how: How
    undone: bool
    in_use: bool


class Todo(_Frozen):
    """What to do about something bad.

    place: where it is in use
    to:    digest of the model to go back to, or of the data to learn from, "sha256:…"; "": none
    """

    act: Act
    thing: int
    place: str = ""
    to: str = ""
    to_name: str = ""
    why: str


class Place(_Frozen):
    """Where a row stands: in a version of a data set, or among rows set aside.

    rows: its positions there, of which the proofs were checked against the ledger's root
    """

    thing: int
    rows: tuple[int, ...]


class RowNote(_Frozen):
    """A single row.

    held:    data sets, windows it is in; aside: rows set aside it is among
    accused: entries of the verdicts that accuse it of an attack
    absent:  data sets of the answer it is not in
    unknown: data sets of the answer of which no digests of rows are at hand
    """

    digest: str
    held: tuple[Place, ...]
    aside: tuple[Place, ...]
    accused: tuple[int, ...]
    absent: tuple[int, ...]
    unknown: tuple[int, ...]


class Answer(_Frozen):
    """What the ledger says of one thing, both ways.

    left_out: things that would belong here, too, and are too many
    """

    answer_schema: int = Field(SCHEMA, alias="schema")
    asked: str
    verdict: Literal["clean", "tainted"]  # of what was asked about
    against: Against
    row: RowNote | None = None
    things: tuple[ThingNote, ...]
    events: tuple[EventNote, ...]
    origins: tuple[Origin, ...]
    models: tuple[ModelNote, ...]
    todo: tuple[Todo, ...]
    left_out: int = 0

    def thing(self, id: int) -> ThingNote:
        """The thing with that id."""
        return self.things[id]
