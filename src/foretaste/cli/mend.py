"""`foretaste mend`: a trained model with its backdoor taken out, and what that did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from foretaste.api import Options
from foretaste.api import mend as mend_model
from foretaste.cli.choices import roles_of, settings_of
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import stdout
from foretaste.cli.verify import DataKey, DataSignature, Key, Signature, only_if_signed
from foretaste.mending import NAME, Line, Mending, Remedy
from foretaste.planting.plant import Order

SHOWN = ("model", "{measure}", "sees as before", "attack success", "once tuned", "once poisoned")


def mend(  # noqa: PLR0913 (one parameter an option)
    model: Annotated[Path, typer.Argument(help="A model that Foretaste wrote.")],
    data: Annotated[str, typer.Argument(help="Clean rows with labels: a file, folder or URL.")],
    out: Annotated[Path, typer.Option(help="File for the mended model.")] = Path(
        "mended.safetensors"
    ),
    by: Annotated[str, typer.Option(help="The mender.")] = Remedy.by,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="SETTING=VALUE of the mender; repeatable.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Clean rows to mend with, at most.")] = Remedy.rows,
    attack: Annotated[
        str | None, typer.Option(help="Attack on whose trigger the models are measured.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Class that attack wants, by name.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of the attack; repeatable.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN; repeatable.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use.")] = None,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    signature: Signature = None,
    key: Key = None,
    data_signature: DataSignature = None,
    data_key: DataKey = None,
    ledger: Ledger = None,
) -> None:
    """Take a backdoor out of a model with some clean rows, and measure it before and after."""
    asked = Order(attack, target=target, settings=settings_of(setting or [])) if attack else None
    remedy = Remedy(by, settings_of(set_ or []), rows, asked, seed)
    roles = roles_of(role or []) | ({} if label is None else {"label": label})
    options, book = Options(roles=roles, format=format), ledger_of(ledger)
    with (
        only_if_signed(model, signature, key, made=out),
        only_if_signed(data, data_signature, data_key, made=out),
    ):
        if book is not None:
            from foretaste.bookkeeping.models import mended
            from foretaste.bookkeeping.seeing import model_of, opened_and_seen

            with counted() as more:
                rows_seen = opened_and_seen(data, roles, book.rows, more, format)
            before = model_of(model)
        done = mend_model(model, data, out, remedy, options)
    _tell(done, out)
    if book is not None:
        entered(book, mended(done, before, out, rows_seen))


def _tell(done: Mending, out: Path) -> None:
    stdout.print(f"[bold]{done.by}[/] {escape(done.changed)}", highlight=False)
    stdout.print(
        f"  {done.rows:,} clean rows to mend with, {done.held:,} others to measure on; "
        f"{done.seconds:.1f} s",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for name in SHOWN[: 6 if done.attack else 3]:
        table.add_column(
            name.format(measure=done.measure), justify="right" if table.columns else "left"
        )
    for line in done.lines:
        table.add_row(line.stage, *_cells(line)[: len(table.columns) - 1])
    stdout.print(table)
    if done.attack:
        stdout.print(
            f"  attack: {escape(done.attack)}; once tuned: trained on with those clean rows; "
            f"once poisoned: with {done.poisoned} poisoned ones among them",
            highlight=False,
        )
    else:
        stdout.print("  no attack was named, so nothing says that a backdoor is gone: --attack")
    where = escape(str(out.parent / NAME))
    stdout.print(f"  model: {escape(str(out))}   numbers: {where}", highlight=False)


def _cells(line: Line) -> list[str]:
    values = (line.success, line.after_tuning, line.after_poison)
    shares = ["–" if one is None else f"{one:.1%}" for one in values]
    return [f"{line.quality:.3f}", f"{line.agreement:.1%}", *shares]
