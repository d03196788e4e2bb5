"""What a campaign file may say; anything else in it is refused by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from foretaste.errors import BadInput

SCHEMA = 1
LARGEST = 1 << 20  # bytes of a campaign file
Share = Annotated[float, Field(ge=0, le=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Named(_Spec):
    """A component with settings; a bare name in the file is one without."""

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)


class TargetSpec(_Spec):
    """What is attacked: a data set, and how a model is trained on it.

    data:      a path or URL, or the name of a data set that Foretaste can fetch
    test:      a path or name, or the share of `data` held out
    rows:      at most so many rows of `data`; test_rows: of the test part
    roles, format: as in `foretaste scan`
    recipe:    a built-in recipe; module:function of your own; or own_command
    groups:    the column whose groups are compared (fairness)
    fine_tune: the share of clean training rows kept apart, on which the poisoned model is trained
               further, to see whether the backdoor survives; 0 leaves that out
    """

    data: str
    test: Annotated[float, Field(gt=0, lt=1)] | str = 0.25
    rows: Annotated[int, Field(ge=20)] | None = None
    test_rows: Annotated[int, Field(ge=10)] | None = 5_000
    roles: dict[str, str] = Field(default_factory=dict)
    format: str | None = None
    recipe: Named
    groups: str = "label"
    fine_tune: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    @field_validator("recipe", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return _recipe(value)


class Thresholds(_Spec):
    """What makes the campaign fail; what is not said is not judged.

    attack_success:      most that may succeed after a defence
    excess_success:      most that may succeed beyond what a perfect filter leaves, which is
                         what the model gets wrong by itself
    recall, precision:   least of the defence's detection
    false_positive_rate: most clean rows flagged, of all clean rows
    quality_lost:        most that attack and defence together may cost
    """

    attack_success: Share | None = None
    excess_success: Share | None = None
    recall: Share | None = None
    precision: Share | None = None
    false_positive_rate: Share | None = None
    quality_lost: float | None = None


class AttackSpec(_Spec):
    """One attack, at every combination of the lists.

    rate, count: of the training rows; one of them
    target:      class names (or codes) that the attacker wants
    settings:    setting -> a value, or a list of values to try
    thresholds:  in the place of those of the campaign
    """

    name: str
    rate: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    count: tuple[Annotated[int, Field(ge=1)], ...] = ()
    target: tuple[str | int, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    thresholds: Thresholds | None = None

    @field_validator("rate", "count", "target", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return value if isinstance(value, list | tuple) else [value]


class DefenceSpec(Named):
    """A defence and what its column in the scorecard is called.

    name: `scan` (settings: what, alpha, detectors), a repair, a mender (of the
          undefended model, with the rows of `fine_tune`), or module:function of your own
    """

    label: str = Field(default="", alias="as")

    @property
    def title(self) -> str:
        """What it is called in results."""
        return self.label or self.name


SCAN = DefenceSpec.model_validate({"name": "scan"})


class Budget(_Spec):
    """How long and how wide.

    cell_minutes: a cell that takes longer is stopped and said to be
    minutes:      no cell is begun after so long; None is no limit
    jobs:         cells at a time, a process each
    """

    cell_minutes: Annotated[float, Field(gt=0)] = 30.0
    minutes: Annotated[float, Field(gt=0)] | None = None
    jobs: Annotated[int, Field(ge=1, le=256)] = 1


class Campaign(_Spec):
    """A whole campaign file."""

    campaign_schema: Literal[1] = Field(alias="schema")
    name: str
    target: TargetSpec
    attacks: Annotated[tuple[AttackSpec, ...], Field(min_length=1)]
    defences: tuple[DefenceSpec, ...] = (SCAN,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    budget: Budget = Budget()
    thresholds: Thresholds = Thresholds()

    @field_validator("attacks", "defences", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [{"name": one} if isinstance(one, str) else one for one in value]


def read_campaign(path: str | Path) -> Campaign:
    """The campaign in a YAML file.

    Raises `BadInput` with every entry that is wrong.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path} has more than {LARGEST:,} bytes; that is no campaign file")
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the campaign file {path} cannot be read: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{path} is no YAML: {error}") from error
    try:
        return Campaign.model_validate(said)
    except ValidationError as error:
        raise BadInput(f"{path} is no campaign: {_wrong(error)}") from error


def starter() -> str:
    """A commented campaign file to begin with."""
    return files("foretaste.campaign").joinpath("starter.yaml").read_text(encoding="utf-8")


def _recipe(value: Any) -> Any:
    """`small_cnn`, `module:function`, {name: …, settings: …}, or {command: …}."""
    if isinstance(value, str) and ":" in value:
        return {"name": "own_function", "settings": {"path": value}}
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and "command" in value:
        return {"name": "own_command", "settings": value}
    return value


def _wrong(error: ValidationError) -> str:
    places = [(".".join(map(str, one["loc"])) or "file", one["msg"]) for one in error.errors()]
    return "; ".join(f"{place}: {said}" for place, said in places)
