"""A whole campaign: every cell once, whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from foretaste import registry
from foretaste.campaign.assault import wanted_columns
from foretaste.campaign.cells import CLEAN, Cell, cells_of
from foretaste.campaign.defences import check
from foretaste.campaign.outcome import CONTROLS, Outcome
from foretaste.campaign.running import ended as outcome_of
from foretaste.campaign.running import run_cell
from foretaste.campaign.scheduling import Ended, in_processes
from foretaste.campaign.spec import Campaign
from foretaste.campaign.target import Target, keep, kept, target_of
from foretaste.errors import BadInput
from foretaste.scanning.watch import Progress, silent

CELLS, WORK = "cells", ".work"
Engine = Callable[[Callable[[str], Any], Iterable[str]], Iterable[Any]]


@dataclass(frozen=True)
class Played:
    """What there is of a campaign: the cells that ended, and those that were not begun."""

    campaign: Campaign
    outcomes: tuple[Outcome, ...]
    waiting: tuple[Cell, ...]
    columns: tuple[str, ...]  # of the rows attacked
    fingerprint: str


def play(
    campaign: Campaign,
    out: Path,
    *,
    progress: Progress = silent,
    only: str = "",
    engine: Engine | None = None,
) -> Played:
    """Runs the cells that have not run yet; those that have are kept in OUT/cells.

    only:   of the attacks, those whose name holds this text (the clean cells always)
    engine: anything with the signature of `map` that runs the cells instead of processes here;
            it must see the folder OUT, and bounds its own time

    Raises `BadInput` before any work when the campaign cannot be as it is written.
    """
    target = checked(campaign)
    context = f"{target.fingerprint} {campaign.target.fine_tune} {_defences(campaign)}"
    wanted = [
        c for c in cells_of(campaign, len(target.train)) if only in c.attack or c.attack == CLEAN
    ]
    keyed = {cell.key(context): cell for cell in wanted}
    files = out / CELLS
    files.mkdir(parents=True, exist_ok=True)
    done = {key: one for key in keyed if (one := _read(files, key)) and one.status == "done"}
    todo = [key for key in keyed if key not in done]
    keep(target, out / WORK)
    work = partial(_work, campaign=campaign, out=out, keyed=keyed)
    progress("cells", len(done), len(keyed))
    for key in _ended(work, todo, campaign, out, keyed, engine):
        outcome = _read(files, key)
        if outcome is not None:
            done[key] = outcome
        progress("cells", len(done), len(keyed))
    outcomes = tuple(done[key] for key in keyed if key in done)
    waiting = tuple(cell for key, cell in keyed.items() if key not in done)
    return Played(campaign, outcomes, waiting, target.train.names, target.fingerprint)


def checked(campaign: Campaign) -> Target:
    """The target, when all that the campaign names is there and fits it."""
    titles = [*CONTROLS, *(spec.title for spec in campaign.defences)]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise BadInput(f"two defences are called {twice[0]!r}; give one another name with `as:`")
    for spec in campaign.defences:
        check(spec, campaign.target.fine_tune)
    for attack in campaign.attacks:
        registry.component("attacks", attack.name)
    target = target_of(campaign)
    for attack in campaign.attacks:
        lacking = [c for c in wanted_columns(attack.name) if c not in target.train]
        if lacking:
            raise BadInput(
                f"attack {attack.name} needs {', '.join(lacking)}; the rows of "
                f"{campaign.target.data} have {sorted(target.train.names)}"
            )
    return target


def _ended(
    work: Callable[[str], None],
    todo: Sequence[str],
    campaign: Campaign,
    out: Path,
    keyed: dict[str, Cell],
    engine: Engine | None,
) -> Iterator[str]:
    """The keys of cells as they end; of one that ended badly, that is written down."""
    if engine is not None:
        for key, _ in zip(todo, engine(work, todo), strict=True):
            yield key
        return
    budget = campaign.budget
    until = None if budget.minutes is None else time.monotonic() + 60 * budget.minutes
    seconds = 60 * budget.cell_minutes
    for ended in in_processes(
        work, todo, out / WORK, jobs=budget.jobs, seconds=seconds, until=until
    ):
        if ended.why:
            _write(out / CELLS, _badly(ended, keyed[ended.key]))
        yield ended.key


def _work(key: str, campaign: Campaign, out: Path, keyed: dict[str, Cell]) -> None:
    target = kept(out / WORK, campaign.target)
    _write(out / CELLS, run_cell(keyed[key], key, campaign, target))


def _badly(ended: Ended, cell: Cell) -> Outcome:
    status: Literal["stopped", "failed"] = "stopped" if ended.stopped else "failed"
    return outcome_of(cell, ended.key, status, seconds=round(ended.seconds, 3), detail=ended.why)


def _read(files: Path, key: str) -> Outcome | None:
    path = files / f"{key}.json"
    return Outcome.parse(path.read_bytes(), str(path)) if path.exists() else None


def _write(files: Path, outcome: Outcome) -> None:
    partial_ = files / f".{outcome.key}.partial"
    partial_.write_text(outcome.model_dump_json(by_alias=True, indent=1), encoding="utf-8")
    partial_.replace(files / f"{outcome.key}.json")


def _defences(campaign: Campaign) -> str:
    return "; ".join(f"{d.title} {d.name} {sorted(d.settings.items())}" for d in campaign.defences)
