"""Takes a backdoor out of a trained model, and measures what that did, before and after.

Some clean rows are for mending, the others for measuring. Beside the mended model stand the model
as it came and, since anybody could do that, the model just trained on with the same clean rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foretaste import attacks, registry
from foretaste.contracts import Probe, Recipe, Victim
from foretaste.data import UNLABELLED, Batch, concat
from foretaste.errors import BadInput, BadRecord, MissingColumn
from foretaste.planting.naming import built
from foretaste.planting.plant import Order
from foretaste.planting.settings import fitted
from foretaste.trained import Open

NAME = "mending.json"
SEVERAL = 5  # poisoned rows of each hundred clean ones, when it is tried to bring a backdoor back
MEASURED = 5_000  # rows at most on which models are measured

Stage = Literal["as it came", "trained on", "mended"]


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Line(_Written):
    """One model.

    quality:      the recipe's measure on clean rows not mended with
    agreement:    of the same rows, the share that is seen as by the model that came
    success:      the share of the attacker's probes that get what he wanted; None without attack
    after_tuning: the same once the model is trained on with the clean rows
    after_poison: the same once it is trained on with the clean rows and a few poisoned ones
    """

    stage: Stage
    quality: float
    agreement: float
    success: float | None = None
    after_tuning: float | None = None
    after_poison: float | None = None


class Mending(_Written):
    """One mending, whole; `mending.json`.

    by, settings: the mender; changed: what it did, in one line
    rows, held:   clean rows that were mended with, and measured on
    poisoned:     rows with which it was tried to bring the backdoor back
    """

    mending_schema: Literal[1] = Field(default=1, alias="schema")
    by: str
    settings: dict[str, Any]
    changed: str
    attack: str = ""
    measure: str
    rows: int
    held: int
    poisoned: int = 0
    lines: tuple[Line, ...]
    seconds: float
    seed: int

    def of(self, stage: Stage) -> Line:
        """The line of one model."""
        return next(one for one in self.lines if one.stage == stage)

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""
        text = self.model_dump_json(by_alias=True, indent=2)
        (folder / NAME).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Mending:
        """Reads it back."""
        try:
            return cls.model_validate_json((folder / NAME).read_bytes())
        except (OSError, ValidationError) as error:
            raise BadRecord(f"{folder / NAME} cannot be used: {error}") from error


@dataclass(frozen=True)
class Remedy:
    """How to mend a model.

    by, settings: the mender, and its settings
    rows:   clean rows to mend with, at most, and no more than half of them
    attack: one on whose trigger the models are measured before and after; None for none
    """

    by: str = "adversarial_unlearning"
    settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 500
    attack: Order | None = None
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """What models are measured with, before and after.

    clean:  rows to mend with; held: rows to measure on
    attack: one with `poison` and a probe, aimed as the attacker would aim it; None for none
    """

    recipe: Any
    clean: Batch
    held: Batch
    attack: Any = None
    seed: int = 0

    def probe(self) -> Probe | None:
        """What the attacker shows a model."""
        rng = np.random.default_rng([self.seed, 1])
        return None if self.attack is None else attacks.probe(self.attack, self.held, rng)

    def poison(self) -> Batch | None:
        """A few poisoned rows, five for each hundred clean ones or as many as the attack has."""
        if self.attack is None:
            return None
        bad, touched = self.attack.poison(self.clean, np.random.default_rng([self.seed, 2]))
        rows = np.flatnonzero(touched)[: few(self.clean)]
        return bad.take(rows)

    def line(self, stage: Stage, victim: Victim, before: Victim) -> Line:
        """One model in numbers."""
        seen, probe = victim.predict(self.held), self.probe()
        same = seen.argmax(axis=1) == before.predict(self.held).argmax(axis=1)
        return Line(
            stage=stage,
            quality=float(self.recipe.quality(seen, self.held)),
            agreement=float(same.mean()),
            success=success(victim, probe),
            after_tuning=self._tuned(victim, self.clean, probe),
            after_poison=self._tuned(victim, self._poisoned(), probe),
        )

    def _poisoned(self) -> Batch:
        more = self.poison()
        if more is None:
            return self.clean
        common = [name for name in more.names if name in self.clean]
        parts = [one.without(*(set(one.names) - set(common))) for one in (self.clean, more)]
        return concat(parts)

    def _tuned(self, victim: Victim, rows: Batch, probe: Probe | None) -> float | None:
        if probe is None or not hasattr(self.recipe, "tune"):
            return None
        return success(self.recipe.tune(victim, rows, self.seed), probe)


def few(clean: Batch) -> int:
    """How many poisoned rows it is tried with to bring a backdoor back."""
    return max(1, len(clean) * SEVERAL // 100)


def menders() -> tuple[str, ...]:
    """The repairs that mend models."""
    names = registry.names("repairs")
    return tuple(n for n in names if hasattr(registry.component("repairs", n), "mend"))


def success(victim: Victim, probe: Probe | None) -> float | None:
    """The share of probes that get what the attacker wanted."""
    if probe is None or not len(probe.rows):
        return None
    return float(np.mean(probe.hit(victim.predict(probe.rows))))


def trial_of(recipe: Recipe, rows: Batch, most: int, attack: Any = None, seed: int = 0) -> Trial:
    """Parts clean rows in two: at most `most`, and no more than half, are to mend with.

    Raises `BadInput` where there are too few with a label, or the recipe cannot use them.
    """
    for need in recipe.needs:
        if need not in rows:
            raise MissingColumn(need, rows.names)
    rows = rows.take(rows["label"] != UNLABELLED)
    mending = min(most, len(rows) // 2)
    if mending < 2:
        raise BadInput(f"{len(rows)} labelled rows are too few to mend and to measure with")
    order = np.random.default_rng([seed, 3]).permutation(len(rows))
    clean, held = order[:mending], order[mending:][:MEASURED]
    return Trial(recipe, rows.take(np.sort(clean)), rows.take(np.sort(held)), attack, seed)


def fitted_mender(remedy: Remedy) -> Any:
    """The mender with its settings, given as values or as text."""
    name, settings = remedy.by, remedy.settings
    kind = registry.component("repairs", name)
    if not hasattr(kind, "mend"):
        raise BadInput(f"{name} mends no models, it repairs rows; menders: {', '.join(menders())}")
    hints = {one.name: get_type_hints(kind)[one.name] for one in fields(kind)}
    unknown = sorted(set(settings) - set(hints))
    if unknown:
        raise BadInput(f"{name} has no setting {unknown[0]!r}; it has {sorted(hints)}")
    return kind(**{n: fitted(hints[n], value, f"{name}: {n}") for n, value in settings.items()})


def aimed(remedy: Remedy, rows: Batch) -> Any:
    """The attack that models are measured with, as many rows strong as are needed for that."""
    order = remedy.attack
    if order is None:
        return None
    return built(
        order.name,
        rows,
        count=order.count or few(rows),
        target=order.target,
        settings=order.settings,
        rng=np.random.default_rng([remedy.seed, 5]),
    )


def mend(victim: Victim, name: str, mender: Any, trial: Trial) -> tuple[Open, Mending]:
    """The mended model, and every number there is of it; `name` is that of the mender."""
    if not hasattr(victim, "logits"):
        raise BadInput(f"{name} mends networks, and {type(victim).__name__} is none")
    begun = time.perf_counter()
    mended, changed = mender.mend(victim, trial.clean, np.random.default_rng([trial.seed, 4]))
    seconds = time.perf_counter() - begun
    lines = [trial.line("as it came", victim, victim)]
    if hasattr(trial.recipe, "tune"):
        tuned = trial.recipe.tune(victim, trial.clean, trial.seed)
        lines.append(trial.line("trained on", tuned, victim))
    lines.append(trial.line("mended", mended, victim))
    poisoned = trial.poison()
    return mended, Mending(
        by=name,
        settings={one.name: getattr(mender, one.name) for one in fields(mender)},
        changed=changed,
        attack="" if trial.attack is None else repr(trial.attack),
        measure=trial.recipe.measure,
        rows=len(trial.clean),
        held=len(trial.held),
        poisoned=0 if poisoned is None else len(poisoned),
        lines=tuple(lines),
        seconds=round(seconds, 3),
        seed=trial.seed,
    )
