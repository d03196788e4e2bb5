"""`foretaste federate`: what lying clients do to a federation, and what a rule makes of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from foretaste.cli.choices import roles_of, settings_of
from foretaste.cli.ledgers import Ledger, counted, entered, ledger_of
from foretaste.cli.screen import progress, stdout
from foretaste.errors import BadInput
from foretaste.federating import Federation
from foretaste.federating import federate as federate_on
from foretaste.federation.lanes import CONTROLS
from foretaste.federation.privacy import CentralPrivacy, LocalPrivacy
from foretaste.federation.record import Experiment
from foretaste.federation.secure import Secure

SHOWN = 12  # suspects in the terminal


class Noise(StrEnum):
    """Who adds noise for differential privacy."""

    CENTRAL = "central"
    LOCAL = "local"
    DISTRIBUTED = "distributed"


class Engine(StrEnum):
    """What carries the rounds."""

    HERE = "here"
    FLOWER = "flower"


def federate(  # noqa: PLR0913 (one parameter an option)
    data: Annotated[
        str, typer.Argument(help="Images with labels: a path, a URL, or a name such as mnist_5k.")
    ] = "mnist_5k",
    test: Annotated[str | None, typer.Option(help="Rows to measure on; else a fifth.")] = None,
    clients: Annotated[int, typer.Option(help="How many.")] = 20,
    liars: Annotated[int, typer.Option(help="How many of them lie.")] = 4,
    attack: Annotated[
        str | None, typer.Option(help="What liars do: alie, ipm, sign_flip, min_max, mimic …")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="SETTING=VALUE of the attack.")
    ] = None,
    aggregator: Annotated[
        str, typer.Option(help="The rule; see `foretaste aggregators`.")
    ] = "trimmed_mean",
    rule_set: Annotated[list[str] | None, typer.Option(help="SETTING=VALUE of the rule.")] = None,
    before: Annotated[
        str, typer.Option(help="What is done to updates first: nnm, bucketing, arc, clipping.")
    ] = "",
    tolerate: Annotated[
        int | None, typer.Option(help="Liars the rule is told to stand. [as many as lie]")
    ] = None,
    rounds: Annotated[int, typer.Option(help="How many.")] = 150,
    skew: Annotated[
        float | None,
        typer.Option(help="Dirichlet alpha of clients' classes; smaller is more unlike."),
    ] = None,
    train_set: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of training: steps, momentum …")
    ] = None,
    secure: Annotated[
        int | None,
        typer.Option(help="Clients of a group that sums in secret: the server sees sums only."),
    ] = None,
    dp: Annotated[
        Noise | None,
        typer.Option(help="Noise by the server, by clients, or in the sums of --secure."),
    ] = None,
    clip: Annotated[float, typer.Option(help="Longest update, with --dp or --secure.")] = 1.0,
    noise: Annotated[float, typer.Option(help="Its deviation in clips, with --dp.")] = 1.0,
    delta: Annotated[float, typer.Option(help="With --dp.")] = 1e-5,
    exclude: Annotated[bool, typer.Option("--exclude", help="Ask suspects no more.")] = False,
    silent: Annotated[float, typer.Option(help="Share of honest clients that drop out.")] = 0.0,
    controls: Annotated[bool, typer.Option(help="Run the controls beside.")] = True,
    engine: Annotated[
        Engine, typer.Option(help="A plain loop, or Flower's strategy and messages in process.")
    ] = Engine.HERE,
    out: Annotated[Path, typer.Option(help="Folder for records, checkpoints, report.")] = Path(
        "federation-out"
    ),
    key: Annotated[
        Path | None, typer.Option(help="Ed25519 key that signs rounds, PEM. [made in the folder]")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, as for scan.")] = None,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    ledger: Ledger = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Run a federation in which some clients lie, beside the controls; goes on where it was."""
    how = Federation(
        clients=clients,
        liars=liars if attack else 0,
        attack=attack,
        attack_settings=settings_of(set_ or []),
        aggregator=aggregator,
        rule_settings=settings_of(rule_set or []),
        tolerate=liars if tolerate is None else tolerate,
        before=tuple(one.strip() for one in before.split(",") if one.strip()),
        skew=skew,
        training={"rounds": rounds, **settings_of(train_set or [])},
        **_noise(dp, clip, noise, delta, secure),
        exclude=exclude,
        silent=silent,
        engine=engine.value,
        controls=CONTROLS if controls else (),
        seed=seed,
        key=key,
    )
    book, roles = ledger_of(ledger), roles_of(role or [])
    if book is not None:
        from foretaste.bookkeeping.federations import data_of, federated
        from foretaste.bookkeeping.seeing import opened_and_seen

        with counted(quiet) as more:
            on = opened_and_seen(data_of(data), roles, book.rows, more)
    with progress(quiet) as bar:
        done = federate_on(data, how, out, test, roles, bar)
    show(done, out)
    if book is not None:
        entered(book, federated(book, on, how, out))


def appeal(
    folder: Annotated[Path, typer.Argument(help="Folder of the federation.")],
    client: Annotated[str, typer.Argument(help="The client that is decided of.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    why: Annotated[str, typer.Option(help="Why; written down beside the decision.")],
    reinstate: Annotated[
        bool, typer.Option("--reinstate/--exclude", help="Ask it again, or no more.")
    ],
    ledger: Ledger = None,
) -> None:
    """Write down a person's decision on a client, for or against what was found."""
    from foretaste.federation.written import decide, decided_rounds

    if not by.strip() or not why.strip():
        raise BadInput("a decision needs a name (--by) and a reason (--why)")
    book = ledger_of(ledger)
    last = decided_rounds(folder, client)
    said = decide(folder, client, "reinstated" if reinstate else "excluded", by, why, last)
    stdout.print(f"{escape(said.client)} is {said.decision} from round {last + 1} on")
    if book is not None:
        from foretaste.bookkeeping.federations import appealed

        entered(book, appealed(folder, said, last))


def show(done: Experiment, out: Path) -> None:
    """Accuracy a lane, whom the rounds made suspect, what is promised."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("", "accuracy", "attack success", "rounds"):
        table.add_column(name, justify="left" if not name else "right")
    for lane in done.lanes:
        success = [one for one in lane.success if one is not None]
        table.add_row(
            lane.name,
            f"{lane.quality[-1]:.4f}" if lane.quality else "–",
            f"{success[-1]:.1%}" if success else "–",
            str(lane.rounds[-1]) if lane.rounds else "0",
        )
    stdout.print(f"[bold]{done.clients} clients, {len(done.liars)} liars[/]  {done.rounds} rounds")
    stdout.print(table)
    caught = sum(one.id in done.liars for one in done.suspects)
    if not done.settings.get("secure"):
        stdout.print(
            f"  suspected: {caught} of {len(done.liars)} liars, {len(done.suspects) - caught} of "
            f"{done.clients - len(done.liars)} honest clients"
        )
    for one in done.suspects[:SHOWN]:
        stdout.print(f"  • {escape(one.id)}, {one.location}: {escape(one.reason)}")
    if done.turned:
        refused = ", ".join(f"{why} {count}" for why, count in done.turned.items())
        stdout.print(f"  replies refused: {refused}")
    for said in done.seen if done.settings.get("secure") else ():
        stdout.print(f"  {escape(said)}", highlight=False)
    if done.epsilon is not None:
        stdout.print(
            f"  ({done.epsilon:.3g}, {done.delta:.3g})-differential privacy of {done.promise}"
        )
    stdout.print(f"  report: {escape(str(out))}/federation.html")


def _noise(
    dp: Noise | None, clip: float, noise: float, delta: float, secure: int | None
) -> dict[str, Any]:
    if dp is Noise.DISTRIBUTED and secure is None:
        raise BadInput("distributed noise is added inside the sums of groups: say --secure SIZE")
    said: dict[str, Any] = {}
    if secure is not None:
        from foretaste.secure_aggregation.simulation import Plan

        inside = noise if dp is Noise.DISTRIBUTED else 0.0
        said["secure"] = Secure(Plan(clip, secure, colluders=1, dropouts=0, noise=inside), delta)
    if dp is Noise.CENTRAL:
        said["central"] = CentralPrivacy(clip, noise, delta)
    if dp is Noise.LOCAL:
        said["local"] = LocalPrivacy(clip, noise, delta)
    return said
