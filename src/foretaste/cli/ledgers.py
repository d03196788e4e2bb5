"""Which ledger commands write to: said on the command line, in the shell, or in a file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from foretaste.cli.choices import CONFIG
from foretaste.cli.screen import progress, stdout
from foretaste.errors import BadInput

if TYPE_CHECKING:
    from foretaste.ledger.book import Book
    from foretaste.ledger.event import Event

VARIABLE = "FORETASTE_LEDGER"
LARGEST = 4 << 20  # bytes of a statement, proof or policy that are read

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
    folder = folder_of(said, config)
    return None if folder is None else opened(folder)


def folder_of(said: Path | None, config: Path | None = None) -> Path | None:
    """The folder of the ledger that was chosen; None for none."""
    return said or _configured(config)


def wanted_ledger(said: Path | None) -> Book:
    """The ledger that was chosen, where a command has nothing to do without one."""
    folder = folder_of(said)
    if folder is None:
        raise BadInput(
            'which ledger? Say --ledger FOLDER, or folder = "…" under [ledger] in foretaste.toml; '
            "`foretaste ledger init FOLDER` makes one"
        )
    return opened(folder)


@contextmanager
def counted(quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar for rows that are read for the ledger."""
    with progress(quiet) as bar:
        done = 0

        def more(rows: int) -> None:
            nonlocal done
            done += rows
            bar("ledger", done, 0)

        yield more


def entered(book: Book, events: Sequence[Event]) -> None:
    """Writes events down, and says where."""
    told(book, book.record(*events) if events else range(0))


def told(book: Book, added: range) -> None:
    """Says where in the ledger something stands."""
    if added:
        which = f"entry {added[0]}" if len(added) == 1 else f"entries {added[0]}-{added[-1]}"
        stdout.print(f"written down: {which} of {escape(book.origin)}", highlight=False)


def content_of(path: Path) -> bytes:
    """A file that somebody else may have written, as far as it can be a part of a ledger."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def opened(folder: Path) -> Book:
    """The ledger in a folder."""
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
