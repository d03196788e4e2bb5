"""What the commands of `foretaste gate` do to model updates, and what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from foretaste import readers, registry
from foretaste.cli.screen import progress, stdout
from foretaste.errors import JournalTaken
from foretaste.gate.decision import Reason
from foretaste.gate.drift import Change, Drift
from foretaste.gate.journal import Journal
from foretaste.gate.journal_view import View
from foretaste.gate.stores import Stored
from foretaste.keeping import kept as model_of
from foretaste.planting.gathering import whole
from foretaste.streaming import Ruling
from foretaste.updates.canaries import Canaries, Tolerance
from foretaste.updates.learning import Learner, learn, learnable
from foretaste.updates.pulling_back import pull_back
from foretaste.updates.record import Guarded, Update
from foretaste.updates.stored import StoredWindows
from foretaste.updates.triggers import known_triggers
from foretaste.updates.undoing import roll_back

SHOWN = 10  # records found by looking back, in the terminal


@dataclass(frozen=True)
class Candidate:
    """An update: a model that was trained, or the recipe that trains one."""

    model: Path | None = None
    recipe: str = ""
    settings: dict[str, Any] | None = None
    seed: int = 0


def guarded(
    store: str,
    folder: Path | None,
    update: Candidate,
    canaries: str,
    triggers: Sequence[str],
    allowed: Tolerance,
) -> bool:
    """Measures an update, writes it down, and shows how it did; whether it may be used."""
    with _windows(store, folder) as (kept, windows):
        clean = whole(readers.open(canaries, kept.settings.roles), like=kept.trusted)
        shown = Canaries(clean, known_triggers(clean, triggers, update.seed))
        if update.model is not None:
            done = _came(windows, update.model, shown, allowed)
        else:
            made = registry.build("recipes", update.recipe, **(update.settings or {}))
            learner = Learner(update.recipe, made, kept.trusted, update.seed)
            done = learn(windows.history, windows, learner, shown, allowed)
    _show(done, windows)
    return done.admitted


def undone(store: str, folder: Path | None, to: int | None, by: str, why: str) -> None:
    """Goes back to an earlier update, with the gate's own checks."""
    kept = Stored(store, folder)
    with kept.open() as keeper:
        windows = StoredWindows(keeper, kept.trusted.classes)
        done = roll_back(windows.history, windows, by=by, why=why, to=to)
        if done.windows:
            first = min(windows.number(one) for one in done.windows)
            keeper.roll_back(first - 1, by, why)
    back = f"update {done.back_to}" if done.back_to else "no update"
    stdout.print(f"{back} is in use again; undone: {', '.join(map(str, done.undone)) or 'none'}")
    stdout.print(f"  windows set aside  {len(done.windows)}, {done.rows:,} rows")
    stdout.print(f"  they are kept in   {escape(str(windows.folder / 'aside'))}")


def looked_back(store: str, folder: Path | None, last: int | None) -> bool:
    """Scans windows that were let in, and shows what was found; whether something was."""
    with _windows(store, folder) as (kept, windows), progress(quiet=False) as told:
        done = pull_back(windows.history, windows, kept.trusted, last=last, progress=told)
        why = windows.decisions(done.found)
    if why:
        _for_people(kept, why)
    stdout.print(f"{done.rows:,} rows in {len(done.windows)} windows: {done.verdict}")
    for one in done.found[:SHOWN]:
        stdout.print(f"  {one.record}  {escape(', '.join(one.detectors))}: {escape(one.reason)}")
    if len(done.found) > SHOWN:
        stdout.print(f"  … and {len(done.found) - SHOWN:,} more, all in the history")
    if done.updates:
        numbers = ", ".join(map(str, done.updates))
        stdout.print(f"[yellow]updates that had learned from them:[/] {numbers}")
    if done.in_use:
        stdout.print("the model in use is one of them: run `foretaste gate guard` or `rollback`")
    return bool(done.found)


def _for_people(kept: Stored, why: dict[str, list[Reason]]) -> None:
    """Has people look at what was found, if no other process has the gate."""
    try:
        with kept.open() as keeper:
            let_in = {
                one: reasons
                for one, reasons in why.items()
                if (decision := keeper.decision(one)) and decision.ruling is Ruling.ADMIT
            }
            keeper.pull_back(let_in, "foretaste gate pull-back")
    except JournalTaken as error:
        stdout.print(f"[yellow]not shown as held:[/] {escape(str(error))}")


def drifted(store: str, folder: Path | None) -> bool:
    """Shows how what was let in has changed since the trusted rows; whether any of it at once."""
    with _windows(store, folder) as (kept, windows):
        drift = Drift(kept.trusted)
        said = [drift(window) for window in windows.over()]
    table = Table(box=None, pad_edge=False)
    for title in ("window", "records", "change", "since", "p", "values", "sources"):
        table.add_column(title)
    for one in said:
        view = one.admitted
        since = "" if view.since is None else str(view.since)
        values = ", ".join(f"{v.name} {v.before:.2f} to {v.now:.2f}" for v in view.values)
        sources = ", ".join(v.name for v in view.sources)
        table.add_row(
            str(one.window), f"{one.records:,}", view.change.value, since, f"{view.p:.2g}",
            escape(values), escape(sources),
        )  # fmt: skip
    stdout.print(table if said else "no window is over yet")
    return any(one.admitted.change is Change.ABRUPT for one in said)


def listed(store: str, folder: Path | None) -> None:
    """Shows every update and its state."""
    with _windows(store, folder) as (_, windows):
        history = windows.history
        every, gone, used = history.updates(), history.undone(), history.in_use()
    table = Table(box=None, pad_edge=False)
    for title in ("update", "time", "windows", "state", "model"):
        table.add_column(title)
    for one in every:
        state = "undone" if one.number in gone else "before" if one.admitted else "refused"
        state = "in use" if one == used else state
        table.add_row(str(one.number), one.time, str(len(one.learned)), state, one.model[:16])
    stdout.print(table if every else "no update yet")


@contextmanager
def _windows(store: str, folder: Path | None) -> Iterator[tuple[Stored, StoredWindows]]:
    kept = Stored(store, folder)
    classes = kept.trusted.classes
    journal = Journal.open(store, folder)
    try:
        yield kept, StoredWindows(View(journal), classes)
    finally:
        journal.shut()


def _came(windows: StoredWindows, path: Path, shown: Canaries, allowed: Tolerance) -> Update:
    """An update that somebody trained, on all windows that may be learned from."""
    history: Any = windows.history
    came, used = model_of(path), history.in_use()
    old = None if used is None else history.model(used).victim
    guarded = shown.guard(came.victim, old, allowed)
    update: Update = history.add(path, learnable(windows, history), guarded, None, came.name)
    return update


def _show(done: Update, windows: StoredWindows) -> None:
    word = "[green]admitted[/]" if done.admitted else "[red]refused[/]"
    stdout.print(f"update {done.number}: {word}, learned from {len(done.learned)} windows")
    for said in (done.guarded, done.shadow):
        if said is not None:
            _measured(said)
    if done.admitted:
        stdout.print(f"  model: {escape(str(windows.history.path(done.model)))}")


def _measured(said: Guarded) -> None:
    table = Table(title=f"against {said.against}", box=None, pad_edge=False, title_justify="left")
    for title in ("canary", "rows", "before", "after", "bounds", "allowed", ""):
        table.add_column(title, justify="left" if title == "canary" else "right")
    for one in said.canaries:
        bounds = f"{one.low:+.3f} to {one.high:+.3f}"
        mark = "[green]holds[/]" if one.holds else "[red]fails[/]"
        before = "–" if said.against == "nothing" else f"{one.before:.3f}"
        table.add_row(
            escape(one.canary), f"{one.rows:,}", before, f"{one.after:.3f}",
            bounds, f"{one.bound:.3f}", mark,
        )  # fmt: skip
    stdout.print(table)
