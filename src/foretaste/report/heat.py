"""Cells of a scorecard: one attack against one defence, in numbers that are ready to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretaste.campaign.cells import CLEAN
from foretaste.campaign.outcome import CONTROLS, UNDEFENDED
from foretaste.campaign.scorecard import Line, Mean, Score

DEGREES = 10  # of heat
RUINED = 0.5  # of the quality lost: as hot as an attack that always succeeds
APART = 0.5  # wider gap between groups: the same
NOTHING = "–"


@dataclass(frozen=True)
class Cell:
    """A number, its interval, what stands small below it, and how bad it is.

    heat:   0 to 10; None is no number
    broken: a threshold does not hold here
    """

    value: str = NOTHING
    interval: str = ""
    small: tuple[str, ...] = ()
    heat: int | None = None
    broken: bool = False
    control: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a heat map; `probed` lines count success, the others what they cost."""

    title: str
    facts: str
    probed: bool
    clean: bool
    cells: tuple[Cell, ...]


def reached(lines: Sequence[Line], defences: Sequence[str]) -> tuple[Row, ...]:
    """What the attacker gets: success, or the quality lost where there is nothing to succeed in."""
    return tuple(_row(line, [_reached(line, name) for name in defences]) for line in lines)


def quality(lines: Sequence[Line], defences: Sequence[str]) -> tuple[Row, ...]:
    """What honest users get: the quality, its change, the rows that were thrown away."""
    return tuple(_row(line, [_quality(line, name) for name in defences]) for line in lines)


def fairness(lines: Sequence[Line], defences: Sequence[str]) -> tuple[Row, ...]:
    """Who bears it: the gap between groups, its change, the worst group."""
    known = [line for line in lines if any("gap" in one.measures for one in line.scores)]
    return tuple(_row(line, [_fairness(line, name) for name in defences]) for line in known)


def share(value: float) -> str:
    """A share as people read it: never rounded to all or nothing when it is neither.

    >>> share(0.5), share(0.9996), share(0.0004), share(0.0)
    ('50%', '>99.9%', '<0.1%', '0%')
    """
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{value:.1%}".replace(".0%", "%")


def signed(value: float) -> str:
    """A change with its sign; no sign where there is none.

    >>> signed(0.25), signed(-0.25), signed(-0.0001)
    ('+0.250', '−0.250', '±0')
    """
    if abs(value) < 0.0005:
        return "±0"
    return f"{value:+.3f}".replace("-", "−")


def degree(value: float, most: float) -> int:
    """Heat of a value; anything above nothing is seen.

    >>> degree(-1, 1), degree(0.001, 1), degree(0.5, 1), degree(7, 1)
    (0, 1, 5, 10)
    """
    if value < 0.0005 or most <= 0:
        return 0
    return max(1, min(DEGREES, round(DEGREES * value / most)))


def clean_lost(line: Line, score: Score) -> float | None:
    """Rows thrown away, less the poisoned ones among them."""
    lost, recall = score.measures.get("rows_lost"), score.measures.get("recall")
    if lost is None:
        return None
    return max(0.0, lost.mean - (0.0 if recall is None else recall.mean * line.poisoned))


def _row(line: Line, cells: list[Cell]) -> Row:
    seeds = f"{len(line.seeds)} seed" + "s" * (len(line.seeds) != 1)
    facts = [f"{line.poisoned:,} poisoned, {line.rows:,} rows", seeds]
    if line.attack == CLEAN:
        facts = ["for comparison: what a defence costs when nobody attacks", seeds]
    elif line.probes:
        facts.insert(1, f"{line.probes:,} tries of the attacker on the finished model")
    return Row(line.title, "; ".join(facts), bool(line.probes), line.attack == CLEAN, tuple(cells))


def _reached(line: Line, defence: str) -> Cell:
    score, control = line.of(defence), defence in CONTROLS
    mean = (
        None if score is None else score.measures.get("success" if line.probes else "quality_lost")
    )
    if score is None or mean is None:
        return _empty(score, control)
    if line.probes:
        value, interval = share(mean.mean), _interval(mean, as_share=True)
        heat = degree(mean.mean, 1.0)
    else:
        value, interval = signed(-mean.mean), _interval(_negative(mean))
        heat = degree(mean.mean, RUINED * _before(line, defence))
    found = () if control else _found(score)
    broken = any(one.startswith(f"{defence}: ") for one in line.broken)
    return Cell(value, interval, found, heat, broken, control)


def _found(score: Score) -> tuple[str, ...]:
    recall, precision = score.measures.get("recall"), score.measures.get("precision")
    alarms = score.measures.get("false_positive_rate")
    said = []
    if recall is not None:
        said.append(f"found {share(recall.mean)} of the poison")
    if precision is not None:
        said.append(f"{share(precision.mean)} of its accusations right")
    elif recall is not None:
        said.append("accused nobody")
    if recall is None and alarms is not None:
        said.append(f"accused {share(alarms.mean)} of the rows")
    return tuple(said)


def _quality(line: Line, defence: str) -> Cell:
    score, control = line.of(defence), defence in CONTROLS
    mean = None if score is None else score.measures.get("quality")
    if score is None or mean is None:
        return _empty(score, control)
    change, lost = score.measures.get("quality_lost"), score.measures.get("rows_lost")
    small, heat = [], 0
    if change is not None:
        small.append(f"change {signed(-change.mean)}")
        heat = degree(change.mean, RUINED * _before(line, defence))
    wrongly = clean_lost(line, score)
    if defence != UNDEFENDED and lost is not None and wrongly is not None:
        small.append(_lost(lost.mean, wrongly))
    return Cell(f"{mean.mean:.3f}", _interval(mean), tuple(small), heat, control=control)


def _fairness(line: Line, defence: str) -> Cell:
    score, control = line.of(defence), defence in CONTROLS
    mean = None if score is None else score.measures.get("gap")
    if score is None or mean is None:
        return _empty(score, control)
    change, small, heat = score.measures.get("gap_change"), [], 0
    if change is not None:
        small.append(f"change {signed(change.mean)}")
        heat = degree(change.mean, APART)
    if score.groups:
        worst = min(score.groups, key=lambda name: score.groups[name])
        small.append(f"worst: “{worst}”, {score.groups[worst]:.3f}")
    return Cell(f"{mean.mean:.3f}", _interval(mean), tuple(small), heat, control=control)


def _empty(score: Score | None, control: bool) -> Cell:
    failed = score is not None and score.detail
    return Cell(value="failed" if failed else NOTHING, control=control)


def _before(line: Line, defence: str) -> float:
    """The quality without attack and defence."""
    here, lost = line.value(defence, "quality"), line.value(defence, "quality_lost")
    return abs(here + lost) if here is not None and lost is not None else 1.0


def _interval(mean: Mean, *, as_share: bool = False) -> str:
    if mean.low is None or mean.high is None:
        return ""
    if as_share:
        return f"{mean.low:.0%} to {mean.high:.0%}"
    return f"{_number(mean.low)} to {_number(mean.high)}"


def _number(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")  # + 0.0: nothing has no sign


def _lost(rows: float, clean: float) -> str:
    """Means over seeds, so there may be less than one.

    >>> _lost(0, 0), _lost(30, 29.5), _lost(30, 0)
    ('no rows lost', '30.0 rows lost, 29.5 clean', '30 rows lost, none clean')
    """
    if not rows:
        return "no rows lost"
    digits = 0 if float(rows).is_integer() and float(clean).is_integer() else 1
    said = f"{clean:,.{digits}f}" if clean else "none"
    return f"{rows:,.{digits}f} rows lost, {said} clean"


def _negative(mean: Mean) -> Mean:
    if mean.low is None or mean.high is None:
        return Mean(mean=-mean.mean, n=mean.n)
    return Mean(mean=-mean.mean, low=-mean.high, high=-mean.low, n=mean.n)
