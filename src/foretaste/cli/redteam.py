"""`foretaste redteam`: attack the data, the model and the defence, and keep the score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from foretaste import registry
from foretaste.campaign.cells import CLEAN, cells_of
from foretaste.campaign.outcome import PERFECT, RANDOM, UNDEFENDED
from foretaste.campaign.run import checked, play
from foretaste.campaign.scorecard import Line, Scorecard, scorecard
from foretaste.campaign.spec import Campaign, read_campaign, starter
from foretaste.cli.screen import progress, stderr, stdout
from foretaste.errors import BadInput
from foretaste.report import scored

MOST = 40  # lines that the terminal shows
WIDEST = 120  # characters of a table
SHORT = {UNDEFENDED: "none", RANDOM: "random", PERFECT: "perfect"}


def redteam(  # noqa: PLR0913 (one parameter an option)
    campaign: Annotated[
        Path | None, typer.Argument(help="Campaign file; see `--init` for one to begin with.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for cells and scorecard.")] = Path(
        "redteam-out"
    ),
    init: Annotated[
        Path | None, typer.Option("--init", help="Write a commented campaign file, and stop.")
    ] = None,
    only: Annotated[str, typer.Option(help="Attacks whose name holds this text.")] = "",
    jobs: Annotated[
        int | None, typer.Option(help="Cells at a time; else as the file says.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the cells, and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Replay attacks on a pipeline: what each does undefended, what is caught, what is left."""
    if init is not None:
        _begin(init)
        return
    if campaign is None:
        raise BadInput("no campaign file was named; `foretaste redteam --init FILE` writes one")
    said = read_campaign(campaign)
    if jobs is not None:
        said = said.model_copy(
            update={"budget": said.budget.model_copy(update={"jobs": max(1, jobs)})}
        )
    if plan:
        _plan(said, only)
        return
    with progress(quiet) as bar:
        played = play(said, out, progress=bar, only=only)
    card = scorecard(played, registry.component("recipes", said.target.recipe.name).measure)
    scored.write(card, out)
    show(card, out)
    raise typer.Exit(exit_code(card))


def exit_code(card: Scorecard) -> int:
    """0 all thresholds hold, 1 some do not, 3 some cell gave no result."""
    if any(line.broken for line in card.lines):
        return 1
    return 3 if card.failures else 0


def show(card: Scorecard, out: Path) -> None:
    """The worst lines, what is broken, what is not covered."""
    shown = card.lines[:MOST]
    stdout.print(f"[bold]{escape(card.name)}[/]")
    _table("attack success", [one for one in shown if one.probes], card, "success")
    damage = [one for one in shown if not one.probes]  # no goal but damage; or nobody attacks
    _table(f"{card.measure} lost", damage, card, "quality_lost")
    if len(card.lines) > MOST:
        stdout.print(f"  and {len(card.lines) - MOST} more lines in the scorecard")
    for line in card.lines:
        for one in line.broken:
            stdout.print(f"  [bold red]broken[/] {escape(line.title)}: {escape(one)}")
    for gap in (gap for gap in card.gaps if gap.why == "comes through"):
        helps = f"; countered by {gap.helps}" if gap.helps else ""
        stdout.print(
            f"  [yellow]gap[/] {escape(gap.title)} comes through {escape(gap.defence)}"
            f"{escape(helps)}"
        )
    untried = [gap.attack for gap in card.gaps if gap.why == "not tried"]
    if untried:
        stdout.print(f"  not tried, though the rows suit them: {', '.join(untried)}")
    for failure in card.failures:
        stderr.print(
            f"  [bold red]{failure.status}[/] {escape(failure.title)}, seed {failure.seed}: "
            f"{escape(failure.detail)}"
        )
    stdout.print(f"  scorecard: {escape(str(out))}/scorecard.html")


def _table(title: str, lines: list[Line], card: Scorecard, measure: str) -> None:
    """One line an attack: a number for each control and each defence."""
    if not lines:
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column(Text(title, style="bold"), ratio=1)
    for name in card.defences:
        table.add_column(Text(SHORT.get(name, name)), justify="right", min_width=6, max_width=12)
    for line in lines:
        table.add_row(Text(line.title), *(_cell(line, name, measure) for name in card.defences))
    stdout.print(table, soft_wrap=False, width=min(stdout.width, WIDEST))


def _cell(line: Line, defence: str, measure: str) -> Text:
    score, value = line.of(defence), line.value(defence, measure)
    if value is None:
        return Text("failed" if score is not None and score.detail else "–", style="yellow")
    shown = f"{value:.1%}" if measure == "success" else f"{value:.3f}"
    broken = any(one.startswith(f"{defence}: ") for one in line.broken)
    return Text(shown, style="bold red" if broken else "")


def _plan(campaign: Campaign, only: str) -> None:
    target = checked(campaign)
    stdout.print(
        f"{len(target.train):,} rows to train on, {len(target.test):,} to measure on, "
        f"{len(target.tuning):,} to fine-tune on"
    )
    for cell in cells_of(campaign, len(target.train)):
        if only in cell.attack or cell.attack == CLEAN:
            stdout.print(f"  {escape(cell.title)}, seed {cell.seed}")


def _begin(path: Path) -> None:
    if path.exists():
        raise BadInput(f"{path} is there already; name another file, or move it away")
    path.write_text(starter(), encoding="utf-8")
    stdout.print(f"wrote {path}; change it, then: foretaste redteam {path}")
