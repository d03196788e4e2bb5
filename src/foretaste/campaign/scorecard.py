"""The score of a campaign: every attack against every defence, over all seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy import stats

from foretaste.campaign.cells import CLEAN
from foretaste.campaign.gaps import Gap, gaps_of
from foretaste.campaign.outcome import PERFECT, UNDEFENDED, Example, Measured, Outcome
from foretaste.campaign.run import Played
from foretaste.campaign.spec import Campaign, Thresholds
from foretaste.data import Floats

SCHEMA = 1
CONFIDENCE = 0.95
MEASURES = (
    "quality", "quality_lost", "success", "excess_success", "gap", "gap_change", "recall",
    "precision", "false_positive_rate", "average_precision", "rows_lost", "seconds",
)  # fmt: skip


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Mean(_Written):
    """Over seeds; the interval is Student's, and there is none of one seed."""

    mean: float
    low: float | None = None
    high: float | None = None
    n: int = 1


class Score(_Written):
    """One attack in one setting against one defence, over seeds.

    excess_success: success, less that with the perfect filter: what a defence could have prevented
    quality_lost: quality of the undefended model of clean rows, less quality here, seed by seed
    gap_change:   how much wider the gap between groups is than without attack and defence
    """

    defence: str
    measures: dict[str, Mean]
    groups: dict[str, float] = Field(default_factory=dict)  # quality in each, mean over seeds
    found_by: dict[str, tuple[int, int]] = Field(default_factory=dict)  # summed over seeds
    detail: str = ""


class Line(_Written):
    """One attack in one setting: a line of the heat map.

    survives: success of the undefended model after fine-tuning on clean rows
    broken:   thresholds that do not hold, in words
    """

    attack: str
    title: str
    seeds: tuple[int, ...]
    rows: int
    poisoned: int
    probes: int
    scores: tuple[Score, ...]
    survives: Mean | None = None
    survives_quality: Mean | None = None
    broken: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    seconds: float = 0.0
    peak_mb: float = 0.0

    def of(self, defence: str) -> Score | None:
        """What one defence did."""
        return next((one for one in self.scores if one.defence == defence), None)

    def value(self, defence: str, measure: str) -> float | None:
        """The mean of one measure, where there is one."""
        score = self.of(defence)
        mean = None if score is None else score.measures.get(measure)
        return None if mean is None else mean.mean


class Failure(_Written):
    """A cell that gave no result."""

    title: str
    seed: int
    status: Literal["failed", "stopped", "not begun"]
    detail: str = ""


class Scorecard(_Written):
    """All of a campaign, as reports read it; lines worst first."""

    scorecard_schema: Literal[1] = Field(default=1, alias="schema")
    name: str
    target: dict[str, Any]
    measure: str
    defences: tuple[str, ...]
    lines: tuple[Line, ...]
    failures: tuple[Failure, ...]
    gaps: tuple[Gap, ...]
    thresholds: dict[str, float]
    passed: bool
    fingerprint: str
    version: str
    finished: str


def scorecard(played: Played, measure: str) -> Scorecard:
    """What the cells come to."""
    campaign = played.campaign
    done = [one for one in played.outcomes if one.status == "done"]
    clean = {one.seed: one for one in done if one.attack == CLEAN}
    groups: dict[str, list[Outcome]] = {}
    for one in done:
        groups.setdefault(one.title, []).append(one)
    lines = [_line(campaign, group, clean) for group in groups.values()]
    lines.sort(key=lambda line: -_badness(line, campaign))
    failures = _failures(played)
    return Scorecard(
        name=campaign.name,
        target=campaign.target.model_dump(),
        measure=measure,
        defences=tuple(dict.fromkeys(m.defence for one in done for m in one.measured)),
        lines=tuple(lines),
        failures=failures,
        gaps=gaps_of(lines, campaign, played.columns),
        thresholds=campaign.thresholds.model_dump(exclude_none=True),
        passed=not failures and not any(line.broken for line in lines),
        fingerprint=played.fingerprint,
        version=version("foretaste"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def mean_of(values: Sequence[float]) -> Mean:
    """The mean and its 95 % interval by Student's t, within 0 and 1 where all values are.

    >>> mean_of([0.5]).low, mean_of([0.0, 1.0]).low
    (None, 0.0)
    """
    given: Floats = np.asarray(values, np.float64)
    mean, n = float(given.mean()), len(given)
    if n < 2:
        return Mean(mean=mean, n=n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * given.std(ddof=1) / np.sqrt(n))
    low, high = mean - half, mean + half
    if given.min() >= 0 and given.max() <= 1:
        low, high = max(low, 0.0), min(high, 1.0)
    return Mean(mean=mean, low=low, high=high, n=n)


def _line(campaign: Campaign, group: Sequence[Outcome], clean: dict[int, Outcome]) -> Line:
    first = group[0]
    names = dict.fromkeys(m.defence for one in group for m in one.measured)
    scores = tuple(_score(name, group, clean) for name in names)
    tuned = [one.tuned for one in group if one.tuned is not None]
    line = Line(
        attack=first.attack,
        title=first.title,
        seeds=tuple(one.seed for one in group),
        rows=first.rows,
        poisoned=first.poisoned,
        probes=first.probes,
        scores=scores,
        survives=_mean(one.success for one in tuned),
        survives_quality=_mean(one.quality for one in tuned),
        examples=first.examples,
        seconds=round(sum(one.seconds for one in group), 1),
        peak_mb=max(one.peak_mb for one in group),
    )
    return line.model_copy(update={"broken": _broken(line, campaign)})


def _score(name: str, group: Sequence[Outcome], clean: dict[int, Outcome]) -> Score:
    mine = [(m, one) for one in group if (m := one.of(name)) is not None]
    values = [_values(measured, one, clean.get(one.seed)) for measured, one in mine]
    means = {key: _mean(one.get(key) for one in values) for key in MEASURES}
    grouped = [m.groups for m, _ in mine]
    groups = {key: _mean(one.get(key) for one in grouped) for one in grouped for key in one}
    found: dict[str, tuple[int, int]] = {}
    for measured, _ in mine:
        for detector, (accused, hit) in measured.found_by.items():
            before = found.get(detector, (0, 0))
            found[detector] = (before[0] + accused, before[1] + hit)
    return Score(
        defence=name,
        measures={key: mean for key, mean in means.items() if mean is not None},
        groups={key: mean.mean for key, mean in groups.items() if mean is not None},
        found_by=found,
        detail="; ".join(dict.fromkeys(m.detail for m, _ in mine if m.detail)),
    )


def _values(measured: Measured, outcome: Outcome, base: Outcome | None) -> dict[str, float | None]:
    perfect = outcome.of(PERFECT)
    unpoisoned = None if base is None else base.of(UNDEFENDED)
    values: dict[str, float | None] = {
        key: getattr(measured, key) for key in MEASURES if key in Measured.model_fields
    }
    if perfect is not None:
        values["excess_success"] = _less(measured.success, perfect.success)
    if unpoisoned is not None:
        values["quality_lost"] = _less(unpoisoned.quality, measured.quality)
        values["gap_change"] = _less(measured.gap, unpoisoned.gap)
    return values


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Iterable[float | None]) -> Mean | None:
    known = [one for one in values if one is not None]
    return mean_of(known) if known else None


def _broken(line: Line, campaign: Campaign) -> tuple[str, ...]:
    chosen = next(
        (a.thresholds for a in campaign.attacks if a.name == line.attack and a.thresholds),
        campaign.thresholds,
    )
    return tuple(
        said for spec in campaign.defences for said in _broken_by(line, spec.title, chosen)
    )


def _broken_by(line: Line, defence: str, wanted: Thresholds) -> list[str]:
    most = {
        "attack_success": ("success", wanted.attack_success),
        "excess_success": ("excess_success", wanted.excess_success),
        "false_positive_rate": ("false_positive_rate", wanted.false_positive_rate),
        "quality_lost": ("quality_lost", wanted.quality_lost),
    }
    least = {"recall": wanted.recall, "precision": wanted.precision}
    said = []
    for name, (measure, limit) in most.items():
        value = line.value(defence, measure)
        if limit is not None and value is not None and value > limit:
            said.append(f"{defence}: {name} is {value:.3f}, at most {limit:g} was wanted")
    for name, limit in least.items():
        value = line.value(defence, name)
        if limit is not None and value is not None and value < limit:
            said.append(f"{defence}: {name} is {value:.3f}, at least {limit:g} was wanted")
    return said


def _badness(line: Line, campaign: Campaign) -> float:
    """What is left after the best defence chosen: success, or else what quality it costs."""
    left = [
        found
        for spec in campaign.defences
        if (found := line.value(spec.title, "success")) is not None
    ]
    if left:
        return 1.0 + min(left)
    lost = [line.value(spec.title, "quality_lost") or 0.0 for spec in campaign.defences]
    return (min(lost) if lost else 0.0) if line.attack != CLEAN else -1.0


def _failures(played: Played) -> tuple[Failure, ...]:
    bad = [
        Failure(title=one.title, seed=one.seed, status=one.status, detail=one.detail)
        for one in played.outcomes
        if one.status != "done"
    ]
    waiting = [Failure(title=c.title, seed=c.seed, status="not begun") for c in played.waiting]
    return (*bad, *waiting)
