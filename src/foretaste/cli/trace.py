"""`foretaste trace`: which training rows made the model say that?"""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from foretaste.cli.choices import roles_of
from foretaste.cli.screen import stdout
from foretaste.cli.verify import DataKey, DataSignature, Key, Signature, only_if_signed
from foretaste.tracing import Cause, Traced, Tracer
from foretaste.tracing import trace as trace_model

SHOWN = 5  # answers that the terminal shows one by one


class Method(StrEnum):
    """What the scores are."""

    AUTO = "auto"
    GAS = "gas"
    TRACIN = "tracin"
    INFLUENCE = "influence"


def trace(  # noqa: PLR0913 (one parameter an option)
    model: Annotated[Path, typer.Argument(help="A model that `foretaste train` wrote.")],
    data: Annotated[str, typer.Argument(help="The data set it was trained on.")],
    query: Annotated[
        str, typer.Option(help="Index of a row of DATA, or a file of rows to ask about.")
    ],
    top: Annotated[int, typer.Option(min=1, help="Rows shown for each answer.")] = 20,
    method: Annotated[Method, typer.Option(help="auto: gas for networks.")] = Method.AUTO,
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN, as for `foretaste scan`.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON, too.")] = None,
    signature: Signature = None,
    key: Key = None,
    data_signature: DataSignature = None,
    data_key: DataKey = None,
) -> None:
    """Name the training rows that made a model answer as it does, and those that opposed."""
    tracer = Tracer(method.value, top)
    with (
        only_if_signed(model, signature, key),
        only_if_signed(data, data_signature, data_key),
    ):
        traced = trace_model(model, data, query, tracer, roles_of(role or []))
    if out is not None:
        text = json.dumps(dataclasses.asdict(traced), indent=1, ensure_ascii=False)
        out.write_text(text + "\n", encoding="utf-8")
    show(traced)


def show(traced: Traced) -> None:
    """The answers one by one, then the rows behind all of them."""
    stdout.print(f"{traced.rows:,} training rows, scores by {traced.method}")
    for answer in traced.answers[:SHOWN]:
        stdout.print(
            f"\n[bold]{escape(answer.location)}[/] is said to be [bold]{escape(answer.said)}[/] "
            f"({answer.chance:.1%}){escape(_labelled(answer.label))}  {escape(answer.text)}"
        )
        _table("because of", answer.causes)
        _table("in spite of", answer.against)
    if len(traced.answers) > 1:
        stdout.print(f"\n[bold]behind all {len(traced.answers):,} answers together[/]")
        _table("because of", traced.together)


def _labelled(label: str) -> str:
    return f", labelled {label}" if label else ""


def _table(title: str, causes: tuple[Cause, ...]) -> None:
    if not causes:
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in (title, "label", "score", "text"):
        table.add_column(Text(name), justify="right" if name == "score" else "left")
    for one in causes:
        said = (f"{one.location} (row {one.index})", one.label, f"{one.score:+.4g}", one.text)
        table.add_row(*map(Text, said))
    stdout.print(table)
