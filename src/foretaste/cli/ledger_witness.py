"""`foretaste ledger witness`: others who remember what a log once was, and being one of them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from foretaste.cli.ledgers import Ledger, wanted_ledger
from foretaste.cli.screen import stderr, stdout
from foretaste.errors import BadInput

STATE = "witness.db"
QUORUM = "witnesses"

app = typer.Typer(
    name="witness",
    help="Have others remember what a log once was, or be such a witness.",
    no_args_is_help=True,
)
Folder = Annotated[Path, typer.Argument(help="Folder of the witness.")]


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="New folder for the witness's keys and state.")],
    name: Annotated[str, typer.Option(help="Its name: an address without scheme.")],
    ml_dsa: Annotated[
        bool, typer.Option("--ml-dsa", help="Sign by ML-DSA-44 too, against quantum computers.")
    ] = False,
) -> None:
    """Make a witness; its public keys go into the policies of those who believe it."""
    from foretaste.durable import sync_folder
    from foretaste.ledger.keys import WITNESS, WITNESS_ML_DSA, SigningKey, write_key
    from foretaste.ledger.witness import Witness

    if folder.exists():
        raise BadInput(f"{folder} is there already; a new witness wants a folder of its own")
    kinds = (WITNESS, WITNESS_ML_DSA) if ml_dsa else (WITNESS,)
    keys = [SigningKey.new(name, kind) for kind in kinds]
    folder.mkdir(mode=0o700, parents=True)
    for key in keys:
        write_key(folder / f"{key.kind.name.lower()}.key", key)
    Witness.new(folder / STATE, keys)
    sync_folder(folder)
    sys.stdout.writelines(f"{key.verifier.text}\n" for key in keys)


@app.command("trust")
def trust(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="The log's public key, or a policy file with it.")],
) -> None:
    """Sign checkpoints of a log from now on."""
    from foretaste.ledger.keys import VerifyingKey
    from foretaste.ledger.policy import Policy

    witness = _witness(folder)
    path = Path(key)
    keys = (
        [log.key for log in Policy.read(path.read_bytes()).logs]
        if path.is_file()
        else [VerifyingKey.read(key)]
    )
    for one in keys:
        witness.trust(one)
        stdout.print(f"{escape(one.name)} is signed from now on", highlight=False)


@app.command("serve")
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Which port.")] = 8_766,
    tokens: Annotated[
        Path | None, typer.Option(help="File of tokens, of which one is then wanted.")
    ] = None,
) -> None:
    """Be a witness: sign what logs send over HTTP, if it grew from what was signed before."""
    from foretaste.serving.witness import WitnessSettings, witness_server

    settings = WitnessSettings(host=host, port=port, tokens=tokens)
    server = witness_server(_witness(folder), settings)
    stderr.print(f"listening on http://{host}:{port}; stop with Ctrl-C", highlight=False)
    server.run()


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the policy calls it.")],
    key: Annotated[str, typer.Argument(help="Its public key, as `witness new` prints it.")],
    url: Annotated[str, typer.Option(help="Where it is asked: http://HOST:PORT.")],
    quorum: Annotated[
        str, typer.Option(help="How many of all must have signed: a number, all, any or none.")
    ] = "all",
    ledger: Ledger = None,
) -> None:
    """Name a witness in the ledger's policy, and how many of them are wanted."""
    from foretaste.durable import write_durably
    from foretaste.ledger.keys import VerifyingKey
    from foretaste.ledger.policy import NONE, Group, Policy, Witness

    book = wanted_ledger(ledger)
    known = (*book.policy.witnesses, Witness(name, VerifyingKey.read(key), url))
    if any(group.name != QUORUM for group in book.policy.groups):
        raise BadInput(f"{book.folder / 'policy'} has groups of your own; edit it by hand")
    least = {"all": len(known), "any": 1, "none": 0}.get(quorum) or _number(quorum)
    groups = (Group(QUORUM, least, tuple(one.name for one in known)),) if least else ()
    policy = Policy(QUORUM if least else NONE, book.policy.logs, known, groups)
    write_durably(book.folder / "policy", policy.content)
    stdout.print(f"{least} of {len(known)} witnesses are wanted", highlight=False)


@app.command("ask")
def ask(ledger: Ledger = None) -> None:
    """Have the policy's witnesses sign the newest checkpoint, and publish it with that."""
    from foretaste.ledger import cosigning

    book = wanted_ledger(ledger)
    asked = cosigning.ask(book.reader(), book.policy)
    with book.writer() as writer:
        if not cosigning.published(writer, asked):
            raise BadInput(f"{book.origin} has grown meanwhile; ask again")
    for name, why in asked.refused.items():
        stderr.print(f"[yellow]{escape(name)}[/]: {escape(str(why))}", highlight=False)
    checkpoint = cosigning.enough(asked, book.policy)
    stdout.print(
        f"{len(asked.given)} signatures of witnesses under {checkpoint.size:,} entries of "
        f"{escape(checkpoint.origin)}",
        highlight=False,
    )


@app.command("evidence")
def evidence(folder: Folder) -> None:
    """Print what logs sent that shows two histories of theirs; exit code 1 where there is any."""
    found = _witness(folder).state.evidence()
    for one in found:
        when = datetime.fromtimestamp(one.at, UTC).isoformat()
        stdout.print(f"[bold]{escape(one.origin)}[/]  {when}  {one.why}; signed before:")
        sys.stdout.write(one.latest.decode("utf-8", "replace") + "sent now:\n")
        sys.stdout.write(one.request.content.decode("utf-8", "replace"))
    raise typer.Exit(1 if found else 0)


def _witness(folder: Path) -> Any:
    from foretaste.ledger.keys import read_key
    from foretaste.ledger.witness import Witness

    keys = [read_key(path) for path in sorted(folder.glob("*.key"))]
    if not keys:
        raise BadInput(f"{folder} holds no witness; `foretaste ledger witness new` makes one")
    return Witness(folder / STATE, keys)


def _number(word: str) -> int:
    if word == "none":
        return 0
    if not word.isdecimal() or not int(word):
        raise BadInput(f"--quorum {word!r}: wanted is a number, all, any or none")
    return int(word)
