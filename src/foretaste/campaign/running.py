"""One cell, from poison to numbers."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from foretaste.campaign.assault import Assault, carried_out
from foretaste.campaign.cells import Cell
from foretaste.campaign.defences import Defended, Scans, control, defended
from foretaste.campaign.examples import examples
from foretaste.campaign.measuring import of_detection, of_model, success
from foretaste.campaign.outcome import (
    CONTROLS,
    PERFECT,
    UNDEFENDED,
    Measured,
    Outcome,
    Tuned,
)
from foretaste.campaign.spec import Campaign
from foretaste.campaign.target import Target
from foretaste.contracts import Probe, Victim
from foretaste.data import Batch, content_id
from foretaste.errors import ForetasteError
from foretaste.private_descent import facts_of
from foretaste.store import Digest
from foretaste.trained import Mender


@dataclass
class _Trainer:
    """Trains once for each set of rows: a defence that drops nothing costs nothing."""

    assault: Assault
    seed: int
    trained: dict[str, Victim] = field(default_factory=dict)

    def __call__(self, rows: Batch, *, spared: bool = False) -> Victim:
        digest = Digest()
        digest.add(rows)
        labels = rows["label"].tobytes() if "label" in rows else b""  # a repair may keep the ids
        key = f"{digest.hexdigest()} {content_id(labels)} {spared}"
        if key not in self.trained:
            self.trained[key] = self.assault.victim(rows, self.seed, spared=spared)
        return self.trained[key]


def run_cell(cell: Cell, key: str, campaign: Campaign, target: Target) -> Outcome:
    """Poisons, defends, trains and measures; what goes wrong on purpose is an outcome too."""
    started = time.perf_counter()
    begun = ended(cell, key, "failed", rows=len(target.train))
    try:
        found = _found(cell, campaign, target)
    except ForetasteError as error:
        return begun.model_copy(update={"detail": str(error), "seconds": _since(started)})
    spent = {"seconds": _since(started), "peak_mb": _peak()}
    return begun.model_copy(update={**found, **spent, "status": "done"})


def ended(
    cell: Cell, key: str, status: Literal["done", "failed", "stopped"], **more: Any
) -> Outcome:
    """An outcome that says which cell it is of."""
    return Outcome(
        key=key,
        attack=cell.attack,
        title=cell.title,
        settings=cell.settings,
        target=cell.target,
        seed=cell.seed,
        status=status,
        **more,
    )


def _found(cell: Cell, campaign: Campaign, target: Target) -> dict[str, object]:
    chance = int(cell.key("")[:8], 16)  # of the cell itself: the same whatever runs beside it
    assault = carried_out(cell, target, np.random.default_rng([cell.seed, chance]))
    train = _Trainer(assault, cell.seed)
    measured = tuple(
        _measured(name, done, assault, train, spent)
        for name, done, spent in _answers(campaign, assault, cell.seed)
    )
    tuned = _tuned(train(assault.rows), assault, cell.seed)
    return {
        "poisoned": int(assault.touched.sum()),
        "probes": 0 if assault.probe is None else len(assault.probe.rows),
        "measured": measured,
        "tuned": tuned,
        "promises": facts_of(target.recipe, assault.rows),
        "examples": examples(target.train, assault.rows, assault.touched),
    }


def _answers(
    campaign: Campaign, assault: Assault, seed: int
) -> Iterator[tuple[str, Defended | ForetasteError, float]]:
    for name in CONTROLS:
        yield name, control(name, assault.rows, assault.touched, seed), 0.0
    scans = Scans(assault.rows, seed)
    for spec in campaign.defences:
        begun = time.perf_counter()
        try:
            yield spec.title, defended(spec, assault.rows, scans), _since(begun)
        except ForetasteError as error:
            yield spec.title, error, _since(begun)


def _measured(
    name: str,
    done: Defended | ForetasteError,
    assault: Assault,
    train: _Trainer,
    spent: float,
) -> Measured:
    if isinstance(done, ForetasteError):
        return Measured(defence=name, seconds=spent, detail=str(done))
    victim = train(done.rows, spared=name == PERFECT)
    asked = assault.asked(victim, train.seed)
    if done.mender is not None:
        return _mended(name, done.mender, victim, assault, asked, train.seed)
    found = of_detection(done, assault.touched) if name != UNDEFENDED else {}
    model = of_model(victim, assault.target, asked)
    return Measured(defence=name, **found, **model, seconds=round(spent, 3))


def _mended(
    name: str, mender: Mender, victim: Any, assault: Assault, asked: Probe | None, seed: int
) -> Measured:
    """The undefended model, mended with the clean rows kept apart."""
    begun, rows = time.perf_counter(), assault.target.tuning
    lacking = [need for need in mender.needs if need not in rows]
    if lacking or not hasattr(victim, "logits"):
        why = f"it needs {', '.join(lacking)}" if lacking else "the recipe trains no network"
        return Measured(defence=name, detail=f"nothing that could be mended: {why}")
    better = mender.mend(victim, rows, np.random.default_rng([seed, 8])).victim
    model = of_model(better, assault.target, asked)
    return Measured(defence=name, **model, seconds=_since(begun))


def _tuned(victim: Victim, assault: Assault, seed: int) -> Tuned | None:
    """The undefended model trained further on clean rows: does the backdoor survive?"""
    rows, recipe = assault.target.tuning, assault.target.recipe
    if not len(rows) or not hasattr(recipe, "tune"):
        return None
    after = recipe.tune(victim, rows, seed)
    quality = of_model(after, assault.target, None)["quality"]
    return Tuned(
        rows=len(rows), quality=quality, success=success(after, assault.asked(victim, seed))
    )


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
