"""`foretaste verify`: is this what was signed, and what is known of it?

0 it is · 1 it is not, or the ledger does not know it or condemns it · 2 it cannot be checked
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from foretaste.artefacts import ArtefactRefused, ContentDiffers, Held, Public, beside, required
from foretaste.artefacts import verify as verify_files
from foretaste.artefacts.refusals import ContentMoves, MalformedSignature, UnsupportedSignature
from foretaste.cli.choices import roles_of
from foretaste.cli.ledgers import VARIABLE, ledger_of
from foretaste.cli.screen import Bar, progress, stdout
from foretaste.errors import LedgerRefused
from foretaste.record import Verdict

if TYPE_CHECKING:
    from foretaste.bookkeeping.signing import Known

SHOWN = 20  # files that differ
BARE = 300  # bytes: more than a signature alone has
UNUSABLE = (MalformedSignature, UnsupportedSignature)

Signature = Annotated[
    Path | None,
    typer.Option(help="Its signature, without which nothing is done. [with --key, PATH.sig]"),
]
Key = Annotated[
    Path | None, typer.Option(help="Public key, PEM, of who must have signed it; see `verify`.")
]
DataSignature = Annotated[
    Path | None, typer.Option(help="Signature of the data. [with --data-key, DATA.sig]")
]
DataKey = Annotated[
    Path | None, typer.Option(help="Public key, PEM, of who must have signed the data.")
]
Asked = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        help="Folder of the ledger that is asked about it. [that of foretaste.toml]",
        envvar=VARIABLE,
        show_envvar=False,
    ),
]


def verify(  # noqa: PLR0913 (one parameter an option)
    path: Annotated[Path, typer.Argument(help="File or folder that somebody signed.")],
    key: Annotated[Path, typer.Option(help="Public key, PEM, of who should have signed it.")],
    signature: Annotated[Path | None, typer.Option(help="The signature. [PATH.sig]")] = None,
    accept_ignored: Annotated[
        bool,
        typer.Option("--accept-ignored", help="Accept files that the signer left out, as .git."),
    ] = False,
    allow: Annotated[
        Verdict, typer.Option(help="The worst last verdict in the ledger that passes.")
    ] = Verdict.DIRTY,
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN of a data set that the ledger knows.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    ledger: Asked = None,
) -> None:
    """Verify a model or data set: no file changed, none missing, none added; by whom; judged how.

    A signature says who and unchanged, not clean: with a ledger, its last verdict is told, too.
    """
    book, public = ledger_of(ledger), Public.read(key)
    told: dict[str, Any] = {"path": str(path), "signature": str(signature or beside(path))}
    try:
        with progress(quiet or as_json) as bar:
            held = verify_files(
                path, Path(told["signature"]), public,
                accept_ignored=accept_ignored, progress=Read(bar),
            )  # fmt: skip
    except ArtefactRefused as error:
        _finish({**told, **_refused(error)}, as_json, 2 if isinstance(error, UNUSABLE) else 1)
    told |= _found(held)
    if book is not None:
        from foretaste.bookkeeping.signing import known, thing_of

        try:
            thing = thing_of(held, roles_of(role or []))
            held.unchanged()
            told |= _judged(known(book, thing), allow)
        except (ArtefactRefused, LedgerRefused) as error:
            told |= _refused(error)
    _finish(told, as_json, 0 if told["fits"] else 1)


class Read:
    """Shows how many bytes were read."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._bytes = bar, 0

    def __call__(self, more: int) -> None:
        """So many bytes more."""
        self._bytes += more
        self._bar("reading, MB", self._bytes >> 20, 0)


def is_bundle(signature: Path | None) -> bool:
    """Whether a file is a signature of the OpenSSF format, and not a bare one."""
    return signature is None or (signature.is_file() and signature.stat().st_size > BARE)


@contextmanager
def only_if_signed(
    path: str | Path, signature: Path | None, key: Path | None, made: Path | None = None
) -> Iterator[None]:
    """Does what is inside only with files that somebody signed; see `artefacts.required`.

    made: what is written inside, which goes again if the files were touched meanwhile
    """
    if key is not None and signature is None:
        signature = beside(Path(path))
    try:
        with required(path, signature, key) as held:
            if held is not None:
                stdout.print(f"signed by {held.signer[:16]}…: {escape(str(path))}", highlight=False)
            yield
    except ContentMoves:
        if made is not None:
            made.unlink(missing_ok=True)
        raise


def _found(held: Held) -> dict[str, Any]:
    return {
        "fits": True,
        "files": len(held.listed.files),
        "bytes": held.bytes,
        "root": held.root,
        "digest": held.digest,
        "key": held.signer,
    }


def _refused(error: ArtefactRefused | LedgerRefused) -> dict[str, Any]:
    found: dict[str, Any] = {"fits": False, "error": type(error).__name__, "reason": str(error)}
    if isinstance(error, ContentDiffers):
        found["differences"] = [dataclasses.asdict(one) for one in error.differences]
    return found


def _judged(known: Known, allow: Verdict) -> dict[str, Any]:
    """What the ledger tells; something it does not know, or condemns, does not fit."""
    worst = list(Verdict)
    reason = ""
    if not known.entries:
        reason = f"no entry of {known.origin} names it"
    elif known.verdict and worst.index(Verdict(known.verdict)) > worst.index(allow):
        reason = f"entry {known.at} of {known.origin} says that it is {known.verdict}"
    found: dict[str, Any] = {"ledger": dataclasses.asdict(known)}
    return {**found, "fits": False, "error": "Condemned", "reason": reason} if reason else found


def _finish(told: dict[str, Any], as_json: bool, code: int) -> None:
    if as_json:
        sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    else:
        _show(told)
    raise typer.Exit(code)


def _show(told: dict[str, Any]) -> None:
    word, colour = ("FITS", "green") if told["fits"] else ("DOES NOT FIT", "red")
    stdout.print(f"[bold {colour}]{word}[/]  {escape(told['path'])}", highlight=False)
    if "root" in told:
        stdout.print(
            f"  {told['files']:,} files, {told['bytes']:,} bytes, none changed, missing or more; "
            f"signed by key {told['key'][:16]}…",
            highlight=False,
        )
        stdout.print(f"  root {told['root']}", highlight=False)
    differences = told.get("differences", ())
    for one in differences[:SHOWN]:
        detail = f" ({one['detail']})" if one["detail"] else ""
        stdout.print(f"  {one['how']:<9} {escape(one['name'] + detail)}", highlight=False)
    if len(differences) > SHOWN:
        stdout.print(f"  … and {len(differences) - SHOWN:,} more")
    if told.get("reason") and not differences:
        stdout.print(f"  {escape(told['error'])}: {escape(told['reason'])}", highlight=False)
    if "ledger" in told:
        _show_ledger(told["ledger"])


def _show_ledger(known: dict[str, Any]) -> None:
    stdout.print(
        f"  {escape(known['origin'])}: {known['size']:,} entries, all as they were signed; "
        f"{len(known['entries']):,} name it",
        highlight=False,
    )
    if known["entries"]:
        at = f" (entry {known['at']})" if known["at"] is not None else ""
        stdout.print(f"  last verdict: {known['verdict'] or 'none'}{at}", highlight=False)
