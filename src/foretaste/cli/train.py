"""`foretaste train`: a model from a data set, private where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.cli.choices import roles_of, settings_of
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import stdout
from foretaste.cli.verify import Key, Signature, only_if_signed
from foretaste.training import Trained, Training, read_settings
from foretaste.training import train as train_on


def train(  # noqa: PLR0913 (one parameter an option)
    data: Annotated[str, typer.Argument(help="File, folder or fsspec URL of the data set.")],
    recipe: Annotated[
        str, typer.Option(help="small_cnn, text_network, linear_text, linear_table …")
    ],
    out: Annotated[Path, typer.Option(help="The model, as safetensors.")] = Path(
        "model.safetensors"
    ),
    test: Annotated[str | None, typer.Option(help="Rows to measure on.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of the recipe; may be repeated.")
    ] = None,
    dp: Annotated[
        float | None, typer.Option(help="Train under differential privacy with this epsilon.")
    ] = None,
    delta: Annotated[float | None, typer.Option(help="The delta that goes with it.")] = None,
    clip: Annotated[float | None, typer.Option(help="Length of each row's gradient.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of all chance. [0; with --dp a secret one]")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN, as for `foretaste scan`.")
    ] = None,
    signature: Signature = None,
    key: Key = None,
    ledger: Ledger = None,
) -> None:
    """Train a model on a data set, measure it, and write it with what it promises."""
    settings = read_settings(recipe, settings_of(setting or []))
    how = Training(recipe, settings, epsilon=dp, delta=delta, clip=clip, seed=seed)
    roles, book = roles_of(role or []), ledger_of(ledger)
    if book is None:
        with only_if_signed(data, signature, key, made=out):
            done = train_on(data, out, how, test, roles)
        show(done)
        return
    from foretaste.bookkeeping.models import trained
    from foretaste.bookkeeping.seeing import opened_and_seen

    with only_if_signed(data, signature, key, made=out):
        with counted() as more:
            on = opened_and_seen(data, roles, book.rows, more)
            beside = None if test is None else opened_and_seen(test, roles, book.rows, more)
        done = train_on(data, out, how, test, roles)
    show(done)
    entered(book, trained(done, how, on, beside))


def show(done: Trained) -> None:
    """How good the model is, and what it promises."""
    stdout.print(f"{escape(done.recipe)} trained on {done.rows:,} rows")
    stdout.print(f"  {done.measure} on these rows  {done.quality:.4f}")
    if done.tested is not None:
        stdout.print(f"  {done.measure} on the others   {done.tested:.4f}")
    if "epsilon" in done.facts:
        facts = done.facts
        stdout.print(
            f"  ({facts['epsilon']:.3g}, {facts['delta']:.3g})-differential privacy for one row: "
            f"noise {facts['noise']}, clip {facts['clip']}, {facts['sampling']}"
        )
        if "seed" in facts:
            stdout.print("  [yellow]whoever knows the seed can take the noise out again[/]")
    stdout.print(f"  model: {escape(str(done.path))}")
