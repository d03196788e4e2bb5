"""`foretaste sign`: whose model or data set this is, and that it is all of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.artefacts import Private, beside
from foretaste.artefacts import sign as sign_files
from foretaste.cli.ledgers import Ledger, entered, ledger_of
from foretaste.cli.screen import progress, stdout
from foretaste.cli.verify import Read

PASSWORD = "FORETASTE_KEY_PASSWORD"  # noqa: S105 (the name of a variable)


def sign(
    path: Annotated[Path, typer.Argument(help="File or folder; hidden files are signed, too.")],
    key: Annotated[
        Path, typer.Option(help=f"Private key, PEM: P-256 or Ed25519; its password in {PASSWORD}.")
    ],
    out: Annotated[Path | None, typer.Option(help="The signature. [PATH.sig]")] = None,
    links: Annotated[
        bool, typer.Option("--links", help="Sign links to files as the files they lead to.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    ledger: Ledger = None,
) -> None:
    """Sign a model or data set in the OpenSSF model-signing format."""
    book = ledger_of(ledger)
    password = os.environ.get(PASSWORD)
    signer = Private.read(key, password.encode() if password else None)
    with progress(quiet) as bar:
        held = sign_files(path, signer, out, links=links, progress=Read(bar))
    stdout.print(
        f"signed {len(held.listed.files):,} files, {held.bytes:,} bytes: {escape(str(path))}",
        highlight=False,
    )
    stdout.print(f"  signature: {escape(str(out or beside(path)))}", highlight=False)
    stdout.print(f"  root {held.root}, key {held.signer[:16]}…", highlight=False)
    if book is not None:
        from foretaste.bookkeeping.signing import signed, thing_of

        entered(book, [signed(held, thing_of(held))])
