"""`foretaste scan`: is this data set safe to train on?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from foretaste.api import Options, planned
from foretaste.api import scan as scan_data
from foretaste.cli.choices import encoders, read_config, roles_of
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import progress, stage_table, stderr, stdout, summary
from foretaste.record import Record, Verdict
from foretaste.scanning.run import Settings


class FailOn(StrEnum):
    """The mildest verdict that gives exit code 1."""

    DIRTY = "dirty"
    POISONED = "poisoned"
    NEVER = "never"


class Effort(StrEnum):
    """How much is planted to learn what would be found."""

    OFF = "off"
    QUICK = "quick"
    FULL = "full"


def scan(  # noqa: PLR0913 (one parameter an option)
    path: Annotated[str, typer.Argument(help="File, folder or fsspec URL of the data set.")],
    out: Annotated[Path, typer.Option(help="Folder for record, rows, findings and report.")] = Path(
        "foretaste-out"
    ),
    trusted: Annotated[
        str | None, typer.Option(help="Rows known to be clean: makes p-values exact.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Share of the flagged rows that may be clean. [0.01]")
    ] = None,
    detectors: Annotated[
        str | None, typer.Option(help="Names, separated by commas; see `foretaste detectors`.")
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME:setting=value,…; may be repeated.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="ROLE=COLUMN: text, image, messages, source, time, user, item, …"),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    image: Annotated[str | None, typer.Option(help="Column with images or paths.")] = None,
    features: Annotated[str | None, typer.Option(help="Columns, separated by commas.")] = None,
    source: Annotated[str | None, typer.Option(help="Column with who gave the row.")] = None,
    time: Annotated[str | None, typer.Option(help="Column with when it came.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file. [foretaste.toml where there is one]")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would run, and stop.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Show where the time went.")] = False,
    power: Annotated[
        Effort | None, typer.Option(help="Plant poison to learn what would be seen. [quick]")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="What gives exit code 1.")] = FailOn.DIRTY,
    seed: Annotated[int | None, typer.Option(help="Of all chance. [0]")] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Take minutes more, for the night: see the docs.")
    ] = False,
    keep_work: Annotated[
        bool, typer.Option("--keep-work", help="Keep working files for the next scan.")
    ] = False,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Scan a data set for poison and dirt; progress goes to stderr, the summary to stdout."""
    file = read_config(config)
    given = {"label": label, "text": text, "image": image, "features": features}
    given.update({"source": source, "time": time})
    names = file.detectors if detectors is None else tuple(detectors.split(","))
    options = Options(
        settings=Settings(
            alpha=file.alpha if alpha is None else alpha,
            detectors=names,
            encoders=encoders([*file.encoders, *(encoder or [])]),
            thorough=thorough or file.thorough,
            seed=file.seed if seed is None else seed,
        ),
        roles={**file.roles, **roles_of(role or []), **_said(given)},
        format=format or file.format,
        trusted=trusted or file.trusted,
        power=power or file.power,
        keep_work=keep_work,
    )
    if plan:
        _show_plan(path, options)
        return
    book = ledger_of(ledger, config)
    with progress(quiet) as bar:
        result = scan_data(path, out, options, progress=bar)
    summary(result.record, str(out))
    if profile:
        stage_table(result.record.stages)
    if book is not None:
        from foretaste.bookkeeping.data import scanned

        with counted(quiet) as more:
            events = scanned(path, options, result, book.rows, more)
        entered(book, events)
    raise typer.Exit(exit_code(result.record, fail_on))


def exit_code(record: Record, fail_on: FailOn) -> int:
    """What the shell is told."""
    worst = {FailOn.DIRTY: (Verdict.DIRTY, Verdict.POISONED), FailOn.POISONED: (Verdict.POISONED,)}
    if record.verdict in worst.get(fail_on, ()):
        return 1
    return 3 if any(run.status == "failed" for run in record.detectors) else 0


def _said(given: dict[str, str | None]) -> dict[str, str]:
    return {role: column for role, column in given.items() if column is not None}


def _show_plan(path: str, options: Options) -> None:
    source, plan = planned(path, options)
    stdout.print(f"{source.format}: {path}")
    for role, column in source.roles.items():
        stdout.print(f"  role      {role:<12} {column}")
    for name in plan.encoders:
        stdout.print(f"  encoder   {name}")
    for name, one in plan.detectors.items():
        stdout.print(f"  detector  {name:<24} {one.kind}")
    for name, why in plan.skipped.items():
        stderr.print(f"  not run   {name:<24} {why}")
