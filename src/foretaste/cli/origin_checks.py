"""What `foretaste origin check` looks at, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from foretaste.cli.screen import progress, stdout
from foretaste.errors import BadInput, OriginRefused

if TYPE_CHECKING:
    from foretaste.ledger.book import Book
    from foretaste.origin.batches import Signed
    from foretaste.origin.digests import Digests, Sight
    from foretaste.origin.listing import Indexing

SHOWN = 10  # findings in the terminal


def check_batch(
    file: Path, providers: Path, owner: str | None, seen: Path | None, fresh: float
) -> None:
    """A signed file against its provider's key; exit code 1 where it is refused."""
    from foretaste.ledger.keys import VerifyingKey
    from foretaste.ledger.refusals import WrongSignature
    from foretaste.origin.batches import Seen, check_file, owned
    from foretaste.origin.providers import Registry

    registry = (
        Registry.read(providers)
        if owner is None
        else owned(providers, VerifyingKey.read(text_or_file(owner)))
    )
    known = Seen() if seen is None else Seen.read(seen)
    try:
        signed = known.take(check_file(file, registry, fresh=fresh))
    except (OriginRefused, WrongSignature) as error:
        stdout.print(f"[bold red]REFUSED[/] {type(error).__name__}: {escape(str(error))}")
        raise typer.Exit(1) from error
    if seen is not None:
        known.write(seen)
    _signed(file, signed)


def _signed(file: Path, signed: Signed) -> None:
    said = signed.statement
    when = f"{datetime.fromtimestamp(said.time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    told = f"{file.name}: {said.records:,} records of {said.provider}, from number {said.sequence}"
    stdout.print(f"[bold green]SIGNED[/] {escape(told)}, {when}", highlight=False)
    if signed.skipped:
        stdout.print(f"  {signed.skipped:,} numbers before it never came: is something withheld?")
    stdout.print("  that is who sent it, unchanged; not that it is clean")


def indexed(listed: Path, out: Path, column: str | None, how: Indexing, quiet: bool) -> Digests:
    """What the addresses of a list lead to now."""
    from foretaste.origin.listing import UrlList

    with progress(quiet) as bar:
        return how(UrlList.read(listed, column), out, bar)


def saving(folder: Path | None, then: Digests) -> Callable[[Sight, bytes], None] | None:
    """Keeps the content that was checked, so that nobody has to ask for it again."""
    if folder is None:
        return None
    from foretaste.durable import write_durably

    folder.mkdir(parents=True, exist_ok=True)

    def watch(sight: Sight, content: bytes) -> None:
        before = then.by_url.get(sight.url)
        if before is not None and before.sha256 == sight.sha256:
            write_durably(folder / str(sight.sha256), content)

    return watch


def check_listed(book: Book, digests: Digests) -> None:
    """Raises `BadInput` where the ledger does not know of these digests."""
    for _, event in book.events():
        if event.kind == "dataset_version" and any(
            thing.digest.get("rows") == digests.root for thing in event.made
        ):
            return
    raise BadInput(f"the ledger {book.origin} does not know of digests with root {digests.root}")


def compared(
    file: Path,
    column: str | None,
    both: tuple[Digests, Digests],
    out: Path | None,
    findings: Path | None,
) -> None:
    """A list beside what it led to before and what it leads to now; exit code 1 for others."""
    from foretaste.origin import views
    from foretaste.origin.listing import UrlList

    listed = UrlList.read(file, column)
    found = views.compared(listed, *both)
    kept = int(found.kept.sum())
    stdout.print(f"{len(listed.urls):,} rows: {kept:,} as they were", highlight=False)
    for kind, count in found.counts.items():
        places = [one.place or one.url for one in found.found if one.kind == kind][:SHOWN]
        rest = f" and {count - len(places):,} more" if count > len(places) else ""
        told = f"{', '.join(places)}{rest}"
        stdout.print(f"  [bold red]{kind}[/] {count:,}: {escape(told)}", highlight=False)
    if out is not None:
        listed.write(out, found.kept)
    if findings is not None:
        found.write(findings)
    raise typer.Exit(1 if found.found else 0)


def text_or_file(said: str) -> str:
    """What was said, or what stands in the file that was named."""
    path = Path(said)
    try:
        return path.read_text(encoding="utf-8").strip() if path.is_file() else said
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{said}: no key can be read: {error}") from error
