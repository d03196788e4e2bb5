"""The commands, and what their exit codes mean.

0 clean · 1 dirty or poisoned (`--fail-on`) · 2 usage or unreadable input · 3 a detector failed

A command's module is imported when the command is called: most need a part of the house only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from foretaste.cli.screen import stderr
from foretaste.errors import ForetasteError

if TYPE_CHECKING:
    app: typer.Typer  # with every command; made when it is asked for

COMMANDS = {  # in the order of `--help` -> module, if it has another name
    "scan": "",
    "clean": "",
    "diff": "",
    "detectors": "",
    "demo": "",
    "mend": "",
    "redteam": "",
    "attack": "",
    "attacks": "",
    "inspect": "",
    "inspectors": "",
    "train": "",
    "trace": "",
    "federate": "",
    "appeal": "federate",
    "monitor": "",
    "aggregators": "",
    "lineage": "",
    "sign": "",
    "verify": "",
    "export": "",
    "serve": "",
    "version": "",
}
GROUPS = ("gate", "ledger", "origin")


def app_of(names: Iterable[str]) -> typer.Typer:
    """The program with some of its commands."""
    made = typer.Typer(
        name="foretaste",
        help="Tastes training data before the model does: finds data poisoning.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        epilog="Exit codes: 0 clean, 1 dirty or poisoned, 2 unusable input, 3 a detector failed.",
    )
    made.callback()(_program)
    for name in names:
        module = import_module(f"foretaste.cli.{COMMANDS.get(name) or name}")
        if name in GROUPS:
            made.add_typer(module.app)
        else:
            made.command(name)(getattr(module, name))
    return made


def run() -> None:
    """Runs a command; what cannot be done is said in one message, with exit code 2."""
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        app_of([called] if called in (*COMMANDS, *GROUPS) else [*COMMANDS, *GROUPS])()
    except ForetasteError as error:
        stderr.print(f"[bold red]foretaste:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        stderr.print("interrupted; the same command goes on where it was")
        sys.exit(130)


def _program() -> None:
    """One command is a command, too, and not the program."""


def __getattr__(name: str) -> typer.Typer:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    whole = app_of([*COMMANDS, *GROUPS])
    globals()["app"] = whole
    return whole
