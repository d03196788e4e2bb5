"""`foretaste gate consume`: a gate between the topics of a message broker."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.cli.ledgers import Ledger, ledger_of
from foretaste.cli.screen import stderr
from foretaste.errors import BadInput


def consume(  # noqa: PLR0913 (one parameter an option)
    broker: Annotated[
        str,
        typer.Option(
            envvar="FORETASTE_BROKER",
            help="nats://, redis://, amqp:// or kafka://HOST; a password belongs in the variable.",
        ),
    ],
    source: Annotated[str, typer.Option("--in", help="Where records come from.")],
    admitted: Annotated[str, typer.Option(help="Where admitted records go.")],
    held: Annotated[str, typer.Option(help="Where held records go.")],
    rejected: Annotated[str, typer.Option(help="Where rejected records go.")],
    windows: Annotated[str, typer.Option(help="Where windows that are over are told.")] = "",
    config: Annotated[
        Path | None, typer.Option(help="Settings file with the tables gate and telemetry.")
    ] = None,
    trusted: Annotated[str | None, typer.Option(help="Rows known to be clean.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or database URL for all that is decided.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Of files, if the store is a URL.")] = None,
    group: Annotated[
        str, typer.Option(help="Name under which the broker remembers what is done.")
    ] = "foretaste",
    at_once: Annotated[int, typer.Option(help="Messages in the gate's hands at most.")] = 500,
    metrics: Annotated[
        int | None, typer.Option(help="Port of this machine for Prometheus metrics.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Judge the messages of a broker; each is acknowledged once its decision is kept."""
    from foretaste.cli.gate_stream import chosen
    from foretaste.gate.settings import Opening, tables
    from foretaste.gate.stores import begun
    from foretaste.integrations.brokers import Route
    from foretaste.integrations.brokers_running import consume as run
    from foretaste.telemetry.opening import Telemetry, settings_of

    route = Route(source, admitted, held, rejected, windows, group, at_once)
    words: dict[str, object] = {"trusted": trusted, "store": store, "folder": folder}
    given = {name: value for name, value in words.items() if value is not None}
    opening = Opening(chosen(config, given))
    if opening.settings.store is None:
        raise BadInput("a gate between brokers has to keep what it decides: say --store")
    said = settings_of(tables(config).get("telemetry", {}) if config else {})
    kept, keeper = begun(opening)
    book = ledger_of(ledger, config)
    with keeper, Telemetry(said) as telemetry, ExitStack() as also:
        telemetry.follow(keeper)
        if book is not None:
            from foretaste.bookkeeping.following import Following

            also.enter_context(Following(book, keeper, kept))
        if metrics is not None and telemetry.metrics is not None:
            telemetry.metrics.serve(metrics)
        stderr.print(escape(f"{source} → {admitted}, {held}, {rejected}; stop with Ctrl-C"))
        asyncio.run(run(broker, route, keeper, kept.records))
