"""What the terminal shows: progress on stderr, results on stdout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from foretaste.record import Record, Stage, Verdict

stdout = Console(soft_wrap=True)
stderr = Console(stderr=True, soft_wrap=True)

COLOURS = {Verdict.CLEAN: "green", Verdict.DIRTY: "yellow", Verdict.POISONED: "red"}


@contextmanager
def progress(quiet: bool) -> Iterator[Bar]:
    """A bar on stderr for as long as the work lasts."""
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=quiet) as shown:
        yield Bar(shown)


class Bar:
    """A `Progress` callable: one line a stage, the current one last."""

    def __init__(self, shown: Progress) -> None:
        self._shown, self._stage = shown, ""
        self._task = shown.add_task("start", total=None)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Shows how far a stage is."""
        if stage != self._stage:
            self._stage = stage
            self._shown.reset(self._task, description=stage, total=total or None)
        self._shown.update(self._task, completed=done)


def summary(record: Record, folder: str) -> None:
    """Verdict, counts, the most telling rows, what would have been seen, what to do next."""
    colour, counts = COLOURS[record.verdict], record.counts
    stdout.print(f"[bold {colour}]{record.verdict.upper()}[/]  {record.dataset['name']}")
    stdout.print(
        f"  {counts.read:,} rows read, {counts.refused:,} refused; flagged {counts.flagged:,}: "
        f"{counts.attack:,} attack, {counts.hygiene:,} hygiene; {counts.held:,} held"
    )
    ran = sum(run.status == "ran" for run in record.detectors)
    stdout.print(f"  {ran} of {len(record.detectors)} detectors apply to such data and ran")
    _found(record)
    for finding in record.telling:
        where = escape(f"{finding.location} (row {finding.index})")
        stdout.print(f"  • [bold]{finding.kind}[/] {where}\n      {escape(finding.reason)}")
    _bound(record)
    _power(record)
    stdout.print(f"  report: {escape(folder)}/report.html")
    stdout.print(f"  next:   {escape(_next(record, folder))}")


def _found(record: Record) -> None:
    runs = [run for run in record.detectors if run.flagged]
    if runs:
        said = ", ".join(f"{run.name} {run.flagged:,}" for run in runs)
        stdout.print(f"  found by: {said}")
    for run in (run for run in record.detectors if run.status == "failed"):
        stdout.print(f"  [bold red]failed[/]: {run.name}: {escape(run.detail)}")


def _bound(record: Record) -> None:
    if record.bounds:
        last = record.bounds[-1]
        basis = "exact" if last.exact else "approximate: no trusted rows were given"
        stdout.print(
            f"  with {last.confidence:.0%} confidence at most {last.clean:,} of the "
            f"{last.flagged:,} rows accused of an attack are clean ({basis})"
        )


def _power(record: Record) -> None:
    for power in record.power:
        if power.smallest_found is None:
            tried = f"not in {max(power.tried):,} rows" if power.tried else power.detail
            stdout.print(f"  power:  planted {power.family}: {escape(tried)}")
        else:
            stdout.print(
                f"  power:  planted {power.family} would be seen from {power.smallest_found:,} "
                f"rows on ({power.rate:.3%} of this data)"
            )


def _next(record: Record, folder: str) -> str:
    if record.verdict is Verdict.CLEAN:
        return "nothing to do; what was not checked is in the report"
    return f"look at the report, then: foretaste clean PATH --record {folder} --out cleaned"


def stage_table(stages: tuple[Stage, ...]) -> None:
    """Where the time went."""
    total = sum(stage.seconds for stage in stages if not stage.of) or 1.0
    for stage in stages:
        name = f"  {stage.name}" if stage.of else stage.name
        rate = f"{stage.rows / stage.seconds:12,.0f} rows/s" if stage.rows and stage.seconds else ""
        stdout.print(
            f"  {name:<40}{stage.seconds:9.2f} s {stage.seconds / total:6.1%} {rate}",
            highlight=False,
        )
    stdout.print(f"  {'total':<40}{total:9.2f} s", highlight=False)
