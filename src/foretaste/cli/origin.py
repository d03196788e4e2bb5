"""`foretaste origin`: keys of providers, what they signed, and lists of addresses as indexed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretaste.cli.ledgers import Ledger, entered, ledger_of
from foretaste.cli.origin_checks import (
    check_batch,
    check_listed,
    compared,
    indexed,
    saving,
    text_or_file,
)
from foretaste.cli.screen import stdout
from foretaste.errors import BadInput

app = typer.Typer(
    name="origin",
    help="Who sent it, and is it still what was listed: signed batches, lists of addresses.",
    no_args_is_help=True,
)

Column = Annotated[str | None, typer.Option(help="With the addresses; found by its name.")]
Private = Annotated[
    bool, typer.Option("--allow-private", help="Ask this machine and private networks, too.")
]
Largest = Annotated[int, typer.Option(help="Bytes of one file.")]
Seconds = Annotated[float, typer.Option(help="For one file.")]
Workers = Annotated[int, typer.Option(help="Addresses asked at once.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@app.command("keygen")
def keygen(
    name: Annotated[str, typer.Argument(help="Of the provider; no spaces, no plus.")],
    out: Annotated[Path, typer.Option(help="New file, readable by its owner alone.")],
) -> None:
    """Make a provider's key: a private file, and the public text for whoever checks."""
    from foretaste.ledger.keys import SigningKey, write_key

    key = SigningKey.new(name)
    write_key(out, key)
    sys.stdout.write(f"{key.verifier.text}\n")


@app.command("register")
def register(  # noqa: PLR0913 (one parameter an option)
    name: Annotated[str, typer.Argument(help="Of the provider.")],
    key: Annotated[str, typer.Option(help="Its public key: NAME+ID+BASE64, or a file, also PEM.")],
    registry: Annotated[Path, typer.Option(help="List of providers, JSON; made if not there.")],
    source: Annotated[
        list[str] | None, typer.Option(help="What it may speak for; repeatable. [its name]")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--from", help="In UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="In UTC.")] = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Believe this key no more, from now on.")
    ] = False,
    owner: Annotated[
        Path | None, typer.Option(help="Private key of the list's owner, who signs it.")
    ] = None,
    ledger: Ledger = None,
) -> None:
    """Add a key to a list of providers, or revoke it; sign the list; tell the ledger."""
    from foretaste.ledger.keys import read_key
    from foretaste.origin.batches import sign
    from foretaste.origin.providers import Entry, Registry, entries, public, registered, write
    from foretaste.origin.statement import REGISTRY

    verifier = public(name, text_or_file(key))
    entry = Entry(
        name=name,
        key=verifier.text,
        sources=tuple(source or ()),
        valid_from=_utc(since),
        valid_until=_utc(until),
        revoked=datetime.now(UTC) if revoke else False,
    )
    there = entries(registry) if registry.exists() else ()
    others = [one for one in there if public(one.name, one.key) != verifier]
    known = next((one for one in there if public(one.name, one.key) == verifier), None)
    if revoke and known is not None:
        entry = known.model_copy(update={"revoked": entry.revoked})
    write(registry, [*others, entry])
    if owner is not None:
        sign(registry, read_key(owner), 0, kind=REGISTRY)
    book = ledger_of(ledger)
    if book is not None:
        listed = Registry.read(registry).providers
        entered(book, [registered(one) for one in listed if one.key == verifier])
    done = "revoked" if revoke else "registered"
    stdout.print(f"{escape(name)} {done}; keys in {escape(str(registry))}: {len(others) + 1}")


@app.command("sign")
def sign(
    file: Annotated[Path, typer.Argument(help="To be signed as a whole, or record by record.")],
    key: Annotated[Path, typer.Option(help="Private key of the provider.")],
    records: Annotated[
        Path | None, typer.Option(help="Sign each record of JSON lines, and write them here.")
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(help="Number of the first record. [KEY.next says]")
    ] = None,
    field: Annotated[str, typer.Option(help="Of a record, for its signature.")] = "signature",
) -> None:
    """Sign what is sent: a file, with the signature beside it, or each of its records."""
    from foretaste.ledger.keys import read_key
    from foretaste.origin import batches, signing

    signer = read_key(key)
    if records is not None:
        count = signing.counted_lines(file)
        first = batches.following(key, sequence, count)
        signing.sign_lines(file, records, signer, first, field)
        where = records
    else:
        count = signing.counted(file)
        first = batches.following(key, sequence, count)
        where = batches.sign(file, signer, first, count)
    told = f"{count:,} records from number {first} on, by {signer.name}"
    stdout.print(f"signed: {escape(told)}: {escape(str(where))}", highlight=False)


@app.command("index")
def index(  # noqa: PLR0913 (one parameter an option)
    listed: Annotated[Path, typer.Argument(metavar="LIST", help="Text or table of addresses.")],
    out: Annotated[Path, typer.Option(help="Digests, as Parquet.")],
    column: Column = None,
    allow_private: Private = False,
    largest: Largest = 64 << 20,
    seconds: Seconds = 30.0,
    workers: Workers = 16,
    ledger: Ledger = None,
    quiet: Quiet = False,
) -> None:
    """Write down what the addresses of a list lead to now; goes on where it was interrupted."""
    from foretaste.origin.fetching import Bounds
    from foretaste.origin.listing import Indexing

    bounds = Bounds(largest, seconds, private=allow_private)
    digests = indexed(listed, out, column, Indexing(bounds, workers), quiet)
    lost = sum(sight.sha256 is None for sight in digests.sights)
    stdout.print(
        f"{len(digests.sights):,} addresses, {lost:,} lead to nothing; root {digests.root}",
        highlight=False,
    )
    book = ledger_of(ledger)
    if book is not None:
        entered(book, [digests.event(listed.name)])
    raise typer.Exit(0)


@app.command("check")
def check(  # noqa: PLR0913 (one parameter an option)
    file: Annotated[Path, typer.Argument(help="List of addresses, or a file that was signed.")],
    digests: Annotated[
        Path | None, typer.Option(help="Of a list: as it was indexed, see `origin index`.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Earlier digests: compare both, and fetch nothing.")
    ] = None,
    now: Annotated[
        Path | None, typer.Option(help="Digests as they are now, kept. [beside --digests]")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Folder for content that is as it was, by its SHA-256.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the rows of the list that may be used.")
    ] = None,
    findings: Annotated[Path | None, typer.Option(help="All that is other, as JSON lines.")] = None,
    column: Column = None,
    allow_private: Private = False,
    largest: Largest = 64 << 20,
    seconds: Seconds = 30.0,
    workers: Workers = 16,
    providers: Annotated[
        Path | None, typer.Option(help="Of a signed file: the list of providers.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Public key of who must have signed that list.")
    ] = None,
    seen: Annotated[
        Path | None, typer.Option(help="Remembers which batches came, so that none comes twice.")
    ] = None,
    fresh: Annotated[float, typer.Option(help="Seconds since it was signed, at most.")] = 86_400.0,
    ledger: Ledger = None,
    quiet: Quiet = False,
) -> None:
    """Check a list against its digests, or a signed file against its provider's key.

    Exit codes: 0 as it was, 1 something is other, 2 it cannot be told.
    """
    from foretaste.origin.digests import Digests
    from foretaste.origin.fetching import Bounds
    from foretaste.origin.listing import Indexing

    if (digests is None) == (providers is None):
        raise BadInput("say --digests for a list of addresses, or --providers for a signed file")
    if providers is not None:
        check_batch(file, providers, owner, seen, fresh)
        return
    then = Digests.read(digests or Path())
    book = ledger_of(ledger)
    if book is not None:
        check_listed(book, then)
    if against is not None:
        then, later = Digests.read(against), then
    else:
        bounds = Bounds(largest, seconds, private=allow_private)
        place = now or (digests or Path()).with_suffix(".now.parquet")
        how = Indexing(bounds, workers, saving(save, then))
        later = indexed(file, place, column, how, quiet)
    compared(file, column, (then, later), out, findings)


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.replace(tzinfo=UTC)
