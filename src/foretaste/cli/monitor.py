"""`foretaste monitor`: what a gate does, live in the terminal."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from foretaste.cli.screen import stdout
from foretaste.errors import BadInput, NotAvailable, NotDurable

if TYPE_CHECKING:
    from foretaste.telemetry.sights import Sight

SHOWN = 6  # reasons, sources, windows
_PAST = 40  # rates remembered
_LONGEST = 32  # characters of a name
_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = {"admit": "green", "hold": "yellow", "reject": "red"}


def monitor(
    where: Annotated[
        str,
        typer.Argument(help="Store of a gate (folder or database URL), or a server's /metrics."),
    ],
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="One look, and stop.")] = False,
    folder: Annotated[Path | None, typer.Option(help="The store's files.")] = None,
) -> None:
    """Watch a gate: rates, rulings, what waits, reasons, sources, drift, alerts."""
    look = looking(where, folder)
    past: dict[str, deque[Sight]] = {}
    if once:
        stdout.print(_frames(look(), past), soft_wrap=False)
        return
    with Live(console=stdout, screen=True, auto_refresh=False) as live, suppress(KeyboardInterrupt):
        while True:
            try:
                shown: RenderableType = _frames(look(), past)
            except (NotAvailable, NotDurable) as error:
                shown = Panel(Text(str(error)), title="no answer", border_style="red")
            live.update(shown, refresh=True)
            time.sleep(every)


def looking(where: str, folder: Path | None = None) -> Callable[[], Sequence[Sight]]:
    """How to look at a gate; the token of a server comes from FORETASTE_TOKEN."""
    from foretaste.gate.journal import Journal
    from foretaste.telemetry.sights import of_journal, of_metrics

    if where.startswith(("http://", "https://")):
        token = os.environ.get("FORETASTE_TOKEN", "")
        return lambda: of_metrics(where, token)
    if "://" not in where and not (Path(where) / "journal.db").exists():
        raise BadInput(f"{where} holds no gate; `foretaste gate run --store` makes one")
    journal = Journal.open(where, folder)
    return lambda: (of_journal(journal),)


def frame(sight: Sight, past: Sequence[Sight] = ()) -> RenderableType:
    """All that is shown of one gate; past: earlier sights of it, oldest first."""
    parts = [_rulings(sight), _reasons(sight)]
    if sight.sources:
        parts.append(_sources(sight))
    if sight.windows:
        parts.append(_windows(sight))
    if sight.alerts:
        parts.append(_alerts(sight.alerts))
    head = _head(sight, past)
    return Panel(Group(head, Text(), Columns(parts, padding=(0, 3))), title=_plain(sight.name))


def _frames(sights: Sequence[Sight], past: dict[str, deque[Sight]]) -> RenderableType:
    if not sights:
        return Panel(Text("no gate has decided on anything yet"))
    shown = []
    for sight in sights:
        before = past.setdefault(sight.name, deque(maxlen=_PAST))
        before.append(sight)
        shown.append(frame(sight, before))
    return Group(*shown)


def _head(sight: Sight, past: Sequence[Sight]) -> Table:
    table = Table.grid(padding=(0, 3))
    rates = _rates(past)
    rate = f"{rates[-1]:,.0f}/s" if rates else "–"
    cells = [
        ("time", datetime.fromtimestamp(sight.at).strftime("%H:%M:%S")),
        ("records", f"{sight.records:,}"),
        ("rate", f"{rate} {_sparks(rates)}".strip()),
        ("waiting", f"{sight.held:,}"),
        ("open window", f"{sight.open:,}"),
        ("windows", f"{sight.closed:,}"),
        ("drift budget", "–" if sight.spent is None else f"{sight.spent:.0%} spent"),
        ("a batch takes", "–" if sight.seconds is None else f"{sight.seconds * 1000:.1f} ms"),
    ]
    for half in (cells[:4], cells[4:]):
        table.add_row(*(Text.assemble((f"{name} ", "dim"), (said, "bold")) for name, said in half))
    return table


def _rulings(sight: Sight) -> Table:
    table = _table(f"rulings of the last {sight.recent:,}")
    for name, colour in _COLOURS.items():
        count = sight.rulings[name]
        share = count / max(sight.recent, 1)
        bar = "█" * round(20 * share)
        table.add_row(Text(name, colour), f"{count:,}", f"{share:.1%}", Text(bar, colour))
    return table


def _reasons(sight: Sight) -> Table:
    table = _table("reasons")
    for name, count in sight.reasons.most_common(SHOWN):
        table.add_row(_plain(name), f"{count:,}")
    if not sight.reasons:
        table.add_row(Text("none", "dim"))
    return table


def _sources(sight: Sight) -> Table:
    table = _table("sources with most stopped")
    worst = sorted(sight.sources.items(), key=lambda one: (-one[1][1], -one[1][0], one[0]))
    for name, (sent, stopped) in worst[:SHOWN]:
        colour = "red" if stopped > sent / 2 else ""
        table.add_row(_plain(name), Text(f"{stopped:,} of {sent:,}", colour))
    return table


def _windows(sight: Sight) -> Table:
    table = _table("windows that are over")
    table.show_header = True
    for name in ("", "in", "held", "rejected", "pulled"):
        table.add_column(name, justify="right", header_style="dim")
    for one in sight.windows[-SHOWN:]:
        cells = (one.admitted, one.held, one.rejected, len(one.pulled))
        colour = "red" if one.failures else "yellow" if one.pulled else ""
        name = f"{one.window}!" if one.failures else str(one.window)
        table.add_row(Text(name, colour), *(f"{cell:,}" for cell in cells))
    return table


def _alerts(alerts: dict[str, int]) -> Table:
    table = _table("alerts")
    for name, count in sorted(alerts.items(), key=lambda one: -one[1])[:SHOWN]:
        table.add_row(Text(name, "red"), f"{count:,}")
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.show_header = False
    return table


def _plain(name: str) -> Text:
    """A name that a sender gave: it must not steer the terminal."""
    kept = "".join(c if c.isprintable() else "�" for c in name)
    return Text(kept if len(kept) <= _LONGEST else kept[: _LONGEST - 1] + "…")


def _rates(past: Sequence[Sight]) -> list[float]:
    """Records a second between sights."""
    pairs = zip(list(past)[:-1], list(past)[1:], strict=True)
    return [max(two.records - one.records, 0) / max(two.at - one.at, 1e-9) for one, two in pairs]


def _sparks(rates: Sequence[float]) -> str:
    most = max(rates, default=0.0)
    if len(rates) < 2 or not most:
        return ""
    return "".join(_BARS[round((len(_BARS) - 1) * rate / most)] for rate in rates)
