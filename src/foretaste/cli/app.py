"""The commands, and what their exit codes mean.

0 clean · 1 dirty or poisoned (`--fail-on`) · 2 usage or unreadable input · 3 a detector failed
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed

import typer
from rich.markup import escape

from foretaste.cli import (
    aggregators,
    attack,
    attacks,
    clean,
    demo,
    detectors,
    diff,
    federate,
    gate,
    inspect,
    inspectors,
    ledger,
    lineage,
    mend,
    monitor,
    origin,
    redteam,
    scan,
    serve,
    sign,
    trace,
    train,
    verify,
)
from foretaste.cli.screen import stderr, stdout
from foretaste.errors import ForetasteError

app = typer.Typer(
    name="foretaste",
    help="Tastes training data before the model does: finds data poisoning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 clean, 1 dirty or poisoned, 2 unusable input, 3 a detector failed.",
)
app.command("scan")(scan.scan)
app.command("clean")(clean.clean)
app.command("diff")(diff.diff)
app.command("detectors")(detectors.detectors)
app.command("demo")(demo.demo)
app.command("mend")(mend.mend)
app.command("redteam")(redteam.redteam)
app.command("attack")(attack.attack)
app.command("attacks")(attacks.attacks)
app.command("inspect")(inspect.inspect)
app.command("inspectors")(inspectors.inspectors)
app.command("train")(train.train)
app.command("trace")(trace.trace)
app.command("federate")(federate.federate)
app.command("appeal")(federate.appeal)
app.command("monitor")(monitor.monitor)
app.command("aggregators")(aggregators.aggregators)
app.add_typer(gate.app)
app.add_typer(ledger.app)
app.add_typer(origin.app)
app.command("lineage")(lineage.lineage)
app.command("sign")(sign.sign)
app.command("verify")(verify.verify)
app.command("serve")(serve.serve)


@app.command("version")
def version() -> None:
    """Prints the version."""
    stdout.print(installed("foretaste"), highlight=False)


def run() -> None:
    """Runs a command; what cannot be done is said in one message, with exit code 2."""
    try:
        app()
    except ForetasteError as error:
        stderr.print(f"[bold red]foretaste:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        stderr.print("interrupted; the same command goes on where it was")
        sys.exit(130)
