"""`foretaste gate guard`, `rollback`, `pull-back`, `updates`: what live data taught, undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from foretaste import readers, registry
from foretaste.cli.choices import settings_of
from foretaste.cli.screen import progress, stdout
from foretaste.errors import BadInput
from foretaste.gate.journal import Journal
from foretaste.gate.journal_view import View
from foretaste.gate.keeper import Keeper
from foretaste.gate.settings import Opening, read_settings
from foretaste.keeping import kept
from foretaste.planting.gathering import whole
from foretaste.training import read_settings as recipe_settings
from foretaste.updates.canaries import Canaries, Tolerance
from foretaste.updates.learning import Learner, learn, learnable
from foretaste.updates.pulling_back import pull_back as look_back
from foretaste.updates.record import Guarded, Update
from foretaste.updates.stored import StoredWindows
from foretaste.updates.triggers import known_triggers
from foretaste.updates.undoing import roll_back

Settings = Annotated[Path, typer.Argument(help="The settings file of the gate.")]
By = Annotated[str, typer.Option(help="Who decides.")]
Why = Annotated[str, typer.Option(help="Why.")]


def guard(  # noqa: PLR0913 (one parameter an option)
    settings: Settings,
    canaries: Annotated[
        str, typer.Option(help="Rows with labels that nothing ever trains on; at least some 200.")
    ],
    recipe: Annotated[
        str | None, typer.Option(help="Trains the update: linear_text, linear_table, small_cnn …")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Or an update that was trained, by `foretaste train`.")
    ] = None,
    trigger: Annotated[
        list[str] | None,
        typer.Option(help="ATTACK:SETTING=VALUE,… that no update may obey; may be repeated."),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of the recipe; may be repeated.")
    ] = None,
    loss: Annotated[float, typer.Option(help="Accuracy an update may cost.")] = 0.02,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
) -> None:
    """Use a model update only if canaries prove that it is no worse and obeys no known trigger."""
    if (recipe is None) == (model is None):
        raise BadInput("say what the update is: --recipe to train it here, or --model for a file")
    with _windows(settings) as (opening, windows):
        clean = whole(readers.open(canaries, opening.settings.roles), like=opening.rows)
        shown = Canaries(clean, known_triggers(clean, trigger or [], seed))
        allowed = Tolerance(loss=loss)
        if model is not None:
            done = _came(windows, model, shown, allowed)
        else:
            name = str(recipe)
            chosen = recipe_settings(name, settings_of(setting or []))
            made = registry.build("recipes", name, **chosen)
            learner = Learner(name, made, opening.rows, seed)
            done = learn(windows.history, windows, learner, shown, allowed)
    _show(done, windows)
    raise typer.Exit(0 if done.admitted else 1)


def rollback(
    settings: Settings,
    by: By,
    why: Why,
    to: Annotated[
        int | None, typer.Option(help="Number of the update to go back to; 0: to none.")
    ] = None,
) -> None:
    """Undo an update, with the windows that caused it and all that the gate learned from them."""
    opening = Opening(read_settings(settings))
    with Keeper.open(_store(opening), opening.rows, opening.settings.terms) as keeper:
        windows = StoredWindows(keeper, opening.rows.classes)
        done = roll_back(windows.history, windows, by=by, why=why, to=to)
        if done.windows:
            first = min(windows.number(one) for one in done.windows)
            keeper.roll_back(first - 1, by, why)
    back = f"update {done.back_to}" if done.back_to else "no update"
    stdout.print(f"{back} is in use again; undone: {', '.join(map(str, done.undone)) or 'none'}")
    stdout.print(f"  windows set aside  {len(done.windows)}, {done.rows:,} rows")
    stdout.print(f"  they are kept in   {escape(str(windows.folder / 'aside'))}")


def pull_back(
    settings: Settings,
    last: Annotated[int | None, typer.Option(help="How many windows, newest. [all]")] = None,
) -> None:
    """Scan windows that were let in; what is poison is learned from no more."""
    with _windows(settings) as (opening, windows), progress(quiet=False) as told:
        done = look_back(windows.history, windows, opening.rows, last=last, progress=told)
    stdout.print(f"{done.rows:,} rows in {len(done.windows)} windows: {done.verdict}")
    for one in done.found[:10]:
        stdout.print(f"  {one.record}  {escape(', '.join(one.detectors))}: {escape(one.reason)}")
    if len(done.found) > 10:
        stdout.print(f"  … and {len(done.found) - 10:,} more, all in the history")
    if done.updates:
        numbers = ", ".join(map(str, done.updates))
        stdout.print(f"[yellow]updates that had learned from them:[/] {numbers}")
    if done.in_use:
        stdout.print("the model in use is one of them: run `foretaste gate guard` or `rollback`")
    raise typer.Exit(1 if done.found else 0)


def updates(settings: Settings) -> None:
    """List the updates of a gate: which is in use, which were refused or undone."""
    with _windows(settings) as (_, windows):
        history = windows.history
        every, undone, used = history.updates(), history.undone(), history.in_use()
    table = Table(box=None, pad_edge=False)
    for title in ("update", "time", "windows", "state", "model"):
        table.add_column(title)
    for one in every:
        state = "undone" if one.number in undone else "refused" if not one.admitted else "before"
        state = "in use" if one == used else state
        table.add_row(str(one.number), one.time, str(len(one.learned)), state, one.model[:16])
    stdout.print(table if every else "no update yet")


@contextmanager
def _windows(path: Path) -> Iterator[tuple[Opening, StoredWindows]]:
    opening = Opening(read_settings(path))
    journal = Journal.open(_store(opening), opening.settings.folder)
    try:
        yield opening, StoredWindows(View(journal), opening.rows.classes)
    finally:
        journal.shut()


def _store(opening: Opening) -> str:
    if opening.settings.store is None:
        raise BadInput("the settings name no store: nothing of this gate was kept")
    return opening.settings.store


def _came(windows: StoredWindows, path: Path, shown: Canaries, allowed: Tolerance) -> Update:
    """An update that somebody trained, on all windows that may be learned from."""
    history: Any = windows.history
    came, used = kept(path), history.in_use()
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
        table.add_row(
            escape(one.canary), f"{one.rows:,}", f"{one.before:.3f}", f"{one.after:.3f}",
            bounds, f"{one.bound:.3f}", mark,
        )  # fmt: skip
    stdout.print(table)
