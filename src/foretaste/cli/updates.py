"""`foretaste gate guard`, `rollback`, `pull-back`, `updates`: what live data taught, undone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretaste.cli.choices import settings_of
from foretaste.cli.ledgers import Ledger, ledger_of
from foretaste.errors import BadInput

Store = Annotated[str, typer.Argument(help="Folder or database URL of the gate.")]
Folder = Annotated[Path | None, typer.Option(help="The store's files.")]


def guard(  # noqa: PLR0913 (one parameter an option)
    store: Store,
    canaries: Annotated[
        str, typer.Option(help="Rows with labels that nothing ever trains on; some 500 or more.")
    ],
    recipe: Annotated[
        str | None, typer.Option(help="Trains the update: linear_text, linear_table, small_cnn …")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Or an update that `foretaste train` trained.")
    ] = None,
    trigger: Annotated[
        list[str] | None,
        typer.Option(help="ATTACK:SETTING=VALUE,… that no update may obey; may be repeated."),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of the recipe; may be repeated.")
    ] = None,
    loss: Annotated[float, typer.Option(help="Accuracy that an update may cost.")] = 0.02,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    folder: Folder = None,
    ledger: Ledger = None,
) -> None:
    """Use a model update only if canaries prove that it is no worse and obeys no known trigger."""
    from foretaste.cli.gate_stream import caught_up
    from foretaste.cli.gate_updates import Candidate, guarded
    from foretaste.training import read_settings
    from foretaste.updates.canaries import Tolerance

    if (recipe is None) == (model is None):
        raise BadInput("say what the update is: --recipe to train it here, or --model for a file")
    chosen = read_settings(recipe, settings_of(setting or [])) if recipe else {}
    update = Candidate(model, recipe or "", chosen, seed)
    book = ledger_of(ledger)
    fine = guarded(store, folder, update, canaries, trigger or [], Tolerance(loss=loss))
    caught_up(book, store, folder)
    raise typer.Exit(0 if fine else 1)


def rollback(
    store: Store,
    by: Annotated[str, typer.Option(help="Who decides.")],
    why: Annotated[str, typer.Option(help="Why; written down.")],
    to: Annotated[
        int | None, typer.Option(help="Number of the update to go back to; 0: to none.")
    ] = None,
    folder: Folder = None,
    ledger: Ledger = None,
) -> None:
    """Undo an update, with the windows that caused it and all that the gate learned from them."""
    from foretaste.cli.gate_stream import caught_up
    from foretaste.cli.gate_updates import undone

    if not by.strip() or not why.strip():
        raise BadInput("a decision needs a name (--by) and a reason (--why)")
    book = ledger_of(ledger)
    undone(store, folder, to, by, why)
    caught_up(book, store, folder)


def pull_back(
    store: Store,
    last: Annotated[int | None, typer.Option(help="How many windows, newest. [all]")] = None,
    folder: Folder = None,
    ledger: Ledger = None,
) -> None:
    """Scan windows that were let in; what is poison is learned from no more."""
    from foretaste.cli.gate_stream import caught_up
    from foretaste.cli.gate_updates import looked_back

    book = ledger_of(ledger)
    found = looked_back(store, folder, last)
    caught_up(book, store, folder)
    raise typer.Exit(1 if found else 0)


def updates(store: Store, folder: Folder = None) -> None:
    """List the updates of a gate: which is in use, which were refused or undone."""
    from foretaste.cli.gate_updates import listed

    listed(store, folder)


def drift(store: Store, folder: Folder = None) -> None:
    """Say how what was let in has changed since the trusted rows: at once, or little by little.

    Exit code 1 where something changed at once, which reads as an attack.
    """
    from foretaste.cli.gate_updates import drifted

    raise typer.Exit(1 if drifted(store, folder) else 0)
