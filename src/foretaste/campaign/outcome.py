"""What one cell gave, as it is written down."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste.errors import BadRecord

UNDEFENDED, RANDOM, PERFECT = "undefended", "random_filter", "perfect_filter"
CONTROLS = (UNDEFENDED, RANDOM, PERFECT)


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Measured(_Written):
    """One defence against one attack: what it caught, and what the model trained after it does.

    quality:  the recipe's measure on clean, unseen rows
    success:  the share of the attacker's probes that get what he wanted; None without a probe
    groups:   quality in each group; gap: the best less the worst
    recall, precision, false_positive_rate, average_precision: of the rows flagged; None where there
              is nothing to find, nothing flagged, or no score to rank by
    found_by: detector -> rows accused, poisoned rows among them
    """

    defence: str
    flagged: int = 0
    hit: int = 0
    rows_lost: int = 0
    rows_changed: int = 0
    quality: float | None = None
    success: float | None = None
    groups: dict[str, float] = Field(default_factory=dict)
    gap: float | None = None
    recall: float | None = None
    precision: float | None = None
    false_positive_rate: float | None = None
    average_precision: float | None = None
    found_by: dict[str, tuple[int, int]] = Field(default_factory=dict)
    seconds: float = 0.0
    detail: str = ""


class Example(_Written):
    """A poisoned row beside what it was; of an added row there is no before."""

    column: str
    row: int
    before: str = ""
    after: str = ""
    label_before: str = ""
    label_after: str = ""
    picture: bool = False  # before and after are PNG in base64


class Tuned(_Written):
    """The undefended model after fine-tuning on clean rows."""

    rows: int
    quality: float | None
    success: float | None


class Outcome(_Written):
    """A cell that ended, however it ended.

    promises: what the recipe promises of the undefended model: epsilon, delta and how
    """

    outcome_schema: Literal[1] = Field(default=1, alias="schema")
    key: str
    attack: str
    title: str
    settings: dict[str, Any]
    target: str | int | None
    seed: int
    status: Literal["done", "failed", "stopped"]
    rows: int = 0  # of the training set
    poisoned: int = 0
    probes: int = 0
    measured: tuple[Measured, ...] = ()
    tuned: Tuned | None = None
    promises: dict[str, Any] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    seconds: float = 0.0
    peak_mb: float = 0.0
    detail: str = ""

    @classmethod
    def parse(cls, text: str | bytes, where: str) -> Outcome:
        """Read back from JSON."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise BadRecord(f"{where} cannot be used: {error}; delete it and run again") from error

    def of(self, defence: str) -> Measured | None:
        """What one defence did."""
        return next((one for one in self.measured if one.defence == defence), None)
