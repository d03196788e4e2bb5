"""`foretaste inspect`: can this model be trusted?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.api import Options
from foretaste.api import inspect as inspect_model
from foretaste.cli.choices import roles_of
from foretaste.cli.inspectors import inspectors as list_inspectors
from foretaste.cli.ledgers import Ledger, entered, ledger_of
from foretaste.cli.scan import FailOn
from foretaste.cli.screen import COLOURS, progress, stdout
from foretaste.cli.verify import is_bundle, only_if_signed
from foretaste.errors import BadInput
from foretaste.inspecting.record import Inspection
from foretaste.record import Verdict
from foretaste.trained import Running, Severity, Subject

SHOWN = 12  # suspicions in the terminal
MARKS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
WORST = {FailOn.DIRTY: (Verdict.DIRTY, Verdict.POISONED), FailOn.POISONED: (Verdict.POISONED,)}


def inspect(  # noqa: PLR0913 (one parameter an option)
    model: Annotated[
        Path | None,
        typer.Argument(help="File or folder of the model; nothing in it is run unless you say so."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Some rows that the model is meant for, with labels.")
    ] = None,
    parent: Annotated[
        Path | None, typer.Option(help="A trusted file or folder that this one was made from.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="The digest it should have.")] = None,
    key: Annotated[Path | None, typer.Option(help="Public key of the signer, PEM.")] = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            help="Its signature, by `foretaste sign`, without which nothing is done; or a bare one "
            "by Ed25519, over the model or over its SHA-256. [with --key, MODEL.sig]"
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for inspection.json and inspection.html.")
    ] = Path("foretaste-inspection"),
    inspectors: Annotated[
        str | None, typer.Option(help="Names, separated by commas; see --list.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the inspectors, and stop.")] = False,
    run_model: Annotated[
        bool,
        typer.Option(
            "--run-model", help="Run a TorchScript model, a program, in a bounded process."
        ),
    ] = False,
    shape: Annotated[
        str | None, typer.Option(help="Images that model takes: HEIGHTxWIDTHxCHANNELS.")
    ] = None,
    mean: Annotated[
        str, typer.Option(help="Subtracted from values 0 to 1; a/b/c: one a channel.")
    ] = "0",
    std: Annotated[str, typer.Option(help="Divided by after that; a/b/c: one a channel.")] = "1",
    classes: Annotated[
        str | None, typer.Option(help="Its classes, in the order of its outputs, with commas.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of the data with the label.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN of the data.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use for the data.")] = None,
    fail_on: Annotated[FailOn, typer.Option(help="What gives exit code 1.")] = FailOn.DIRTY,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Inspect a trained model: its files without loading them, itself where it can be opened."""
    if listed:
        list_inspectors()
        return
    if model is None:
        raise typer.BadParameter("which model? Give a file or a folder")
    bare = not is_bundle(signature)
    subject = Subject(
        path=model,
        parent=parent,
        digest=sha256,
        key=key if bare else None,
        signature=signature if bare else None,
        running=_running(shape, mean, std, classes) if run_model else None,
        seed=seed,
    )
    roles = roles_of(role or []) | ({} if label is None else {"label": label})
    options = Options(roles=roles, format=format)
    names = None if inspectors is None else tuple(inspectors.split(","))
    book = ledger_of(ledger)
    wanted = (None, None) if bare else (signature, key)
    with only_if_signed(model, *wanted), progress(quiet) as bar:
        found = inspect_model(subject, data, out, options, inspectors=names, progress=bar)
    _tell(found, out)
    if book is not None:
        from foretaste.bookkeeping.models import inspected

        entered(book, inspected(model, found, out))
    raise typer.Exit(exit_code(found, fail_on))


def _running(shape: str | None, mean: str, std: str, classes: str | None) -> Running:
    """How to run a model; the shell's words as values."""
    sides = (shape or "").lower().split("x")
    if len(sides) != 3 or not all(one.isdecimal() and int(one) for one in sides):
        raise BadInput(
            f"--run-model wants the images the model takes, HEIGHTxWIDTHxCHANNELS as in "
            f"--shape 224x224x3; found {shape or 'nothing'}"
        )
    h, w, c = map(int, sides)
    names = tuple(one.strip() for one in classes.split(",")) if classes else ()
    return Running((h, w, c), _numbers("--mean", mean), _numbers("--std", std), names)


def _numbers(option: str, said: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in said.split("/"))
    except ValueError:
        raise BadInput(
            f"{option} {said} should be a number, or one a channel: 0.5/0.5/0.5"
        ) from None


def exit_code(found: Inspection, fail_on: FailOn) -> int:
    """What the shell is told."""
    if found.verdict in WORST.get(fail_on, ()):
        return 1
    return 3 if any(run.status == "failed" for run in found.inspectors) else 0


def _tell(found: Inspection, out: Path) -> None:
    name = escape(found.path)
    stdout.print(f"[bold {COLOURS[found.verdict]}]{found.verdict.upper()}[/]  {name}")
    stdout.print(
        f"  {found.format}, {found.bytes:,} bytes; {escape(found.opened)}", highlight=False
    )
    for one in found.suspicions[:SHOWN]:
        where = " · ".join(dict.fromkeys(part for part in (one.file, one.part) if part))
        mark = MARKS[one.severity]
        stdout.print(f"  [{mark}]{one.severity}[/] {escape(where)}  [dim]{one.inspector}[/]")
        stdout.print(f"      {escape(one.reason)}", highlight=False)
    if (more := len(found.suspicions) + found.left_out - SHOWN) > 0:
        stdout.print(f"  … and {more:,} more")
    _tell_runs(found)
    stdout.print(f"  report: {escape(str(out))}/inspection.html", highlight=False)


def _tell_runs(found: Inspection) -> None:
    by = {state: [run for run in found.inspectors if run.status == state] for state in _STATES}
    ran = ", ".join(run.name for run in by["ran"]) or "none"
    stdout.print(f"  ran: {ran}", highlight=False)
    for run in by["skipped"]:
        stdout.print(f"  [dim]not run: {run.name}: {escape(run.detail)}[/]", highlight=False)
    for run in by["failed"]:
        stdout.print(f"  [bold red]failed[/]: {run.name}: {escape(run.detail)}", highlight=False)


_STATES = ("ran", "skipped", "failed")
