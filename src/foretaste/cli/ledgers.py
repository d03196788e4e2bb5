"""Which ledger commands write to: said on the command line, in the shell, or in a file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretaste.cli.choices import CONFIG
from foretaste.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    from foretaste.ledger.book import Book

VARIABLE = "FORETASTE_LEDGER"

Ledger = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the ledger in which this is written down. [that of foretaste.toml]",
        envvar=VARIABLE,
        show_envvar=False,
    ),
]


def ledger_of(said: Path | None, config: Path | None = None) -> Book | None:
    """The ledger that was chosen; None for none.

    said: on the command line or in the shell
    config: settings file, whose table `[ledger]` has `folder`; paths in it begin where it is
    Raises `BadInput` where there is none in the folder.
    """
    folder = said or _configured(config)
    return None if folder is None else opened(folder)


def wanted_ledger(said: Path | None) -> Book:
    """The ledger that was chosen, where a command has nothing to do without one."""
    folder = said or _configured(None)
    if folder is None:
        raise BadInput(
            'which ledger? Say --ledger FOLDER, or folder = "…" under [ledger] in foretaste.toml; '
            "`foretaste ledger init FOLDER` makes one"
        )
    return opened(folder)


def opened(folder: Path) -> Book:
    """The ledger in a folder."""
    try:
        import cryptography  # noqa: F401 (without it nothing of a ledger can be read)
    except ImportError as error:
        raise MissingExtra("a ledger", "ledger") from error
    from foretaste.ledger.book import Book

    return Book.open(folder)


def _configured(config: Path | None) -> Path | None:
    path = config or CONFIG
    if VARIABLE in os.environ or not path.exists():
        return None
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8")).get("ledger", {})
    except (OSError, ValueError) as error:
        raise BadInput(f"the settings file {path} cannot be read: {error}") from error
    if not isinstance(said, dict) or set(said) - {"folder"}:
        raise BadInput(f"{path}: the table [ledger] has one setting, folder")
    return path.parent / str(said["folder"]) if "folder" in said else None
