"""`foretaste gate consume`: a gate between the topics of a message broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from foretaste.cli.screen import stderr
from foretaste.errors import BadInput
from foretaste.gate.keeper import Keeper
from foretaste.gate.settings import GateSettings, Opening, read_settings, settings_of, tables
from foretaste.integrations.brokers import Route
from foretaste.integrations.brokers_running import consume as run
from foretaste.telemetry.opening import Settings, Telemetry


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
        Path | None, typer.Option(help="Settings file with [gate] and [telemetry].")
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
) -> None:
    """Judge the messages of a broker; each is acknowledged once its decision is kept."""
    route = Route(source, admitted, held, rejected, windows, group, at_once)
    opening = Opening(_settings(config, trusted=trusted, store=store, folder=folder))
    said = opening.settings
    if said.store is None:
        raise BadInput("a gate between brokers has to keep what it decides: say --store")
    with (
        Telemetry(_telemetry(config)) as telemetry,
        Keeper.open(said.store, opening.rows, said.terms, folder=said.folder) as keeper,
    ):
        keeper.observers = telemetry.observers
        if metrics is not None and telemetry.metrics is not None:
            telemetry.metrics.serve(metrics)
        stderr.print(f"{source} → {admitted}, {held}, {rejected}; stop with Ctrl-C")
        asyncio.run(run(broker, route, keeper, opening.records))


def _settings(config: Path | None, **words: object) -> GateSettings:
    """The settings file, if there is one; words of the command line win."""
    given = {name: value for name, value in words.items() if value is not None}
    if config is None:
        return settings_of(given)
    return settings_of({**read_settings(config).model_dump(exclude_unset=True), **given})


def _telemetry(config: Path | None) -> Settings:
    said = tables(config).get("telemetry", {}) if config else {}
    try:
        return Settings.model_validate(said)
    except ValueError as error:
        raise BadInput(f"{config}: telemetry: {error}") from error
