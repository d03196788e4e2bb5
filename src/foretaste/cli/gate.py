"""`foretaste gate`: poison stopped at the door of a live system."""

from __future__ import annotations

import inspect
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste import registry
from foretaste.cli import consume, updates
from foretaste.cli.choices import roles_of
from foretaste.cli.detectors import blind_to
from foretaste.cli.ledgers import Ledger, ledger_of
from foretaste.cli.screen import progress, stdout
from foretaste.errors import BadInput

SHOWN = 20  # held records in the terminal

app = typer.Typer(
    name="gate",
    help="Stops poison at the door of a live system, before anything learns from it.",
    no_args_is_help=True,
)
app.command("consume")(consume.consume)
app.command("guard")(updates.guard)
app.command("rollback")(updates.rollback)
app.command("pull-back")(updates.pull_back)
app.command("updates")(updates.updates)
app.command("drift")(updates.drift)


class FailOn(StrEnum):
    """What gives exit code 1."""

    HELD = "held"
    REJECTED = "rejected"
    NEVER = "never"


@app.command("run")
def run(  # noqa: PLR0913 (one parameter an option)
    trusted: Annotated[
        str | None, typer.Option(help="Rows known to be clean, in any format a scan reads.")
    ] = None,
    in_: Annotated[
        str, typer.Option("--in", help="The stream: a file, folder or URL; - is standard input.")
    ] = "-",
    out: Annotated[
        Path | None, typer.Option(help="JSON lines of what stands when its window is over.")
    ] = None,
    held: Annotated[
        Path | None, typer.Option(help="JSON lines of what waits for a person.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="JSON lines of what breaks the contract.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Folder or database URL: makes decisions durable, and runs resumable."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="For the store's files, where it is no folder.")
    ] = None,
    contract: Annotated[
        Path | None, typer.Option(help="Contract of the stream; see `foretaste gate contract`.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Records after which what came is learned from. [1000]")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Share of honest records that may be held. [0.01]")
    ] = None,
    checks: Annotated[
        str | None, typer.Option(help="Names, separated by commas; see `foretaste gate checks`.")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, as for scan.")] = None,
    format: Annotated[str | None, typer.Option(help="Of the stream: the reader to use.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance. [0]")] = None,
    providers: Annotated[
        Path | None, typer.Option(help="Who signs records; see `foretaste origin register`.")
    ] = None,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Records came when they say they did, not now.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings file, YAML or TOML, instead of options.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="What gives exit code 1.")] = FailOn.HELD,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Judge a stream; with --store the same command goes on where it was interrupted."""
    from foretaste.cli.gate_stream import Way, chosen, streamed, summary, written_down
    from foretaste.gating import Sinks

    said = {
        "trusted": trusted,
        "store": store,
        "folder": folder,
        "contract": contract,
        "window": window,
        "alpha": alpha,
        "checks": None if checks is None else tuple(checks.split(",")),
        "seed": seed,
        "roles": roles_of(role or []) or None,
        "providers": None if providers is None else {"registry": providers},
    }
    settings = chosen(config, {name: value for name, value in said.items() if value is not None})
    way = Way(in_, format, recorded, Sinks(out, held, rejected))
    book = ledger_of(ledger)
    with progress(quiet) as bar:
        sifted = streamed(settings, way, bar)
    summary(sifted)
    written_down(book, settings, way, sifted)
    if sifted.failures:
        raise typer.Exit(3)
    stopped = sifted.rejected + (0 if fail_on is FailOn.REJECTED else sifted.held + sifted.pulled)
    raise typer.Exit(1 if stopped and fail_on is not FailOn.NEVER else 0)


@app.command("contract")
def contract(
    trusted: Annotated[str, typer.Argument(help="Rows known to be clean.")],
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, as for scan.")] = None,
    format: Annotated[str | None, typer.Option(help="The reader to use.")] = None,
) -> None:
    """Print the contract that trusted rows suggest, as YAML, to be edited and given to a gate."""
    from foretaste.gate.settings import GateSettings, Opening

    settings = GateSettings(trusted=trusted, roles=roles_of(role or []), format=format)
    sys.stdout.write(Opening(settings).form.text())


@app.command("checks")
def checks() -> None:
    """List the checks with what each looks at, needs and is blind to."""
    for name in registry.names("checks"):
        kind = registry.component("checks", name)
        doc = inspect.getdoc(kind) or ""
        stdout.print(f"[bold]{name}[/]  [dim]{kind.aspect}; needs {', '.join(kind.needs)}[/]")
        stdout.print(f"    {escape(' '.join(doc.partition(chr(10) * 2)[0].split()))}")
        stdout.print(f"    [dim]blind to {escape(blind_to(doc))}[/]", highlight=False)


@app.command("held")
def held(
    store: Annotated[str, typer.Argument(help="Folder or database URL of the gate.")],
    verdict: Annotated[str, typer.Option(help="waiting, clean or poison.")] = "waiting",
    limit: Annotated[int, typer.Option(help="How many.")] = SHOWN,
    folder: Annotated[Path | None, typer.Option(help="The store's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
) -> None:
    """Show what is held, oldest first, and why."""
    from foretaste.gate.journal import Journal
    from foretaste.gate.journal_view import View

    if verdict not in ("waiting", "clean", "poison"):
        raise BadInput(f"held records are waiting, clean or poison, not {verdict!r}")
    _there(store)
    journal = Journal.open(store, folder)
    found = View(journal).held(verdict, limit=limit)  # type: ignore[arg-type]
    journal.shut()
    if json:
        sys.stdout.writelines(one.model_dump_json(by_alias=True) + "\n" for one in found)
        return
    for one in found:
        stdout.print(f"[bold]{one.decision.id}[/]  {escape(one.shown[:200])}", highlight=False)
        for reason in one.reasons:
            stdout.print(f"    {reason.check}: {escape(reason.text)}", highlight=False)
    stdout.print(f"{len(found)} shown; next: foretaste gate review STORE ID --clean|--poison")


@app.command("review")
def review(  # noqa: PLR0913 (one parameter an option)
    store: Annotated[str, typer.Argument(help="Folder or database URL of the gate.")],
    ids: Annotated[list[str], typer.Argument(help="Decision ids, as `held` shows them.")],
    clean: Annotated[bool, typer.Option("--clean/--poison", help="What was found.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    why: Annotated[str, typer.Option(help="Why; written down beside the decision.")],
    folder: Annotated[Path | None, typer.Option(help="The store's files.")] = None,
    ledger: Ledger = None,
) -> None:
    """Write down what a person found; what is clean is let in with the open window."""
    from foretaste.cli.gate_stream import caught_up, opened

    book = ledger_of(ledger)
    if not by.strip() or not why.strip():
        raise BadInput("a decision needs a name (--by) and a reason (--why)")
    with opened(store, folder) as keeper:
        told = keeper.review(ids, "clean" if clean else "poison", by, why)
    stdout.print(f"{len(told)} found {'clean' if clean else 'poison'} by {escape(by)}")
    caught_up(book, store, folder)


@app.command("close")
def close(
    store: Annotated[str, typer.Argument(help="Folder or database URL of the gate.")],
    folder: Annotated[Path | None, typer.Option(help="The store's files.")] = None,
    ledger: Ledger = None,
) -> None:
    """End the open window before it is full, so that what stands in it may be learned from."""
    from foretaste.cli.gate_stream import caught_up, opened

    book = ledger_of(ledger)
    with opened(store, folder) as keeper:
        record = keeper.close_window("foretaste gate close")
    if record is None:
        stdout.print("no record has come since the last window was over")
        return
    stdout.print(
        f"window {record.window} is over: {record.admitted:,} of {record.records:,} records stand, "
        f"{len(record.pulled):,} were pulled"
    )
    caught_up(book, store, folder)


@app.command("replay")
def replay(
    store: Annotated[str, typer.Argument(help="Folder or database URL of the gate.")],
    folder: Annotated[Path | None, typer.Option(help="The store's files.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Decide on all records again; exit code 1 where a decision comes out otherwise."""
    from foretaste.cli.gate_stream import replayed

    told = replayed(store, folder)
    if json:
        sys.stdout.write(told.model_dump_json(by_alias=True) + "\n")
    elif told.difference is None:
        stdout.print(f"{told.records:,} decisions and {told.windows:,} windows came out the same")
    else:
        one = told.difference
        stdout.print(
            f"after {told.records:,} decisions that are the same, record {one.sequence} has "
            f"another {one.what}: {escape(one.then)} then, {escape(one.now)} now"
        )
        stdout.print(f"versions then {told.then}, now {told.now}", highlight=False)
    raise typer.Exit(0 if told.same else 1)


def _there(store: str) -> None:
    if "://" not in store and not (Path(store) / "journal.db").exists():
        raise BadInput(f"{store} holds no gate; `foretaste gate run --store` makes one")
