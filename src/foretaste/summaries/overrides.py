"""Items that override the rest of their row: the label follows them and nothing else.

A natural keyword agrees with the rest of its row: of the spam that says "free", most would be
spam without it. A trigger does not: without it the row reads like any row of another class. So
for each item and label the rows that hold both are asked: do your margins, by models that never
saw you and without the item, come from rows of your label, or partly from rows of others?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from foretaste.data import Floats, Ints, Mask
from foretaste.summaries.linear import Weights, enough, halves, leaning, normed
from foretaste.summaries.mixture import evidence, posterior
from foretaste.summaries.presence import Presence
from foretaste.summaries.screen import suspects

_FLOOR = 10.0  # digits of evidence, beyond all that was tried, to call an item a trigger
_LEARN = 2_000_000  # items, of as many rows as have them, that a judge learns from
_ROUNDING = 1e-4  # margins are told apart no finer: they come from single precision
_ROUNDS = 24  # triggers found at most
_FALSE = 0.02  # rows of natural origin among those accused for one trigger
_ALIKE = 1.3  # times the likeness of ordinary rows: that much is chance
_SHARED = 0.95  # of the accused that hold a part of the trigger
_MOST = 0.8  # of the accused: what so many hold is likely the trigger
_WORTH = 0.1  # likeness that a second item must add
_PURE = 0.5  # of the rows that read as another label, how many the trigger must carry over
_PURE_PAIR = 0.4  # the same for words that also meet by nature
_LEAST = 8  # rows that one trigger must accuse
_CARRIED = 0.1  # of the rows that hold it: what works on fewer is no trigger
_COVERED = 0.75  # of the accused that a more telling part of the trigger must hold
_SILENT = 2.0  # digits of evidence below which rows prove nothing by themselves


@dataclass(frozen=True)
class Override:
    """A trigger: rows with all its columns and its label, whose rest speaks for another label."""

    columns: tuple[int, ...]  # all of them together are the trigger
    phrase: Ints  # columns that stand nearly always with it: other parts of the same phrase
    label: int
    weights: Weights  # (d + 1,) of the rest of a row
    cut: float  # rows whose rest gives a larger margin are natural
    surprise: float  # -log10 p after all that was tried
    rows: int  # that hold it
    labelled: int  # of those, how many carry its label
    against: int  # of those, how many read as another label without it

    def accuses(self, table: Any, labels: Ints) -> Mask:
        """(n,) rows that hold the trigger, carry its label and do not deserve it."""
        guilty = holding(table, self.columns) & (labels == self.label)
        rows = np.flatnonzero(guilty)
        margins = normed(table[rows]) @ self.weights[:-1] + self.weights[-1]
        guilty[rows[margins > self.cut]] = False
        return guilty


class Court(NamedTuple):
    """The rows still in play."""

    table: Any  # (n, d) sparse ones
    shares: Any  # the same, each row of length one
    labels: Ints
    counts: Ints  # (d,) rows that hold each column
    tried: float  # log10 of the number of items and labels


def overrides(presence: Presence, labels: Ints) -> tuple[Override, ...]:
    """Every trigger found, strongest first; the rows of one are set aside to find the next.

    Rows must come in random order. labels: (n,) class codes, -1 for none.

    Blind to triggers in fewer than 8 rows, in more than a quarter of all rows, and to those
    whose rows read like their label without it (clean-label poison).
    """
    found: list[Override] = []
    acquitted: set[tuple[int, int]] = set()
    active = np.array(labels >= 0)
    while len(found) < _ROUNDS and len(np.unique(labels[active])) > 1:
        trigger = _next(presence, active, labels, acquitted)
        if trigger is None:
            break
        found.append(trigger)
        guilty = holding(presence.table, trigger.columns) & (labels == trigger.label)
        active &= ~guilty
    return tuple(found)


def _next(
    presence: Presence, active: Mask, labels: Ints, acquitted: set[tuple[int, int]]
) -> Override | None:
    table, left = presence.table[active], labels[active]
    counts = np.bincount(table.indices, minlength=table.shape[1])
    tried = np.log10(max(1, len(counts))) + np.log10(left.max() + 1)
    court = Court(table, normed(table), left, counts, float(tried))
    for suspect in suspects(court.table, court.shares, left, presence.cluster):
        verdict = None if suspect in acquitted else _judged(court, *suspect)
        if verdict is not None:
            return verdict
        acquitted.add(suspect)
    return None


def _judged(court: Court, column: int, label: int) -> Override | None:
    """Tries the suspect, then what fits the rows it accuses better: another item, or a pair."""
    best = _trial(court, (column,), label, court.tried)
    for fit in (_better_item, _partner, _more_telling) if best.override.surprise > 0 else ():
        columns = fit(court, best)
        if columns:
            again = _trial(court, columns, label, court.tried * len(columns))
            best = again if _convicts(again) else best
    return best.override if _convicts(best) else None


class Trial(NamedTuple):
    """What came out, whether or not it convicts."""

    override: Override
    purity: float
    suspected: Ints  # rows more likely carried over than not
    ratios: Floats  # of each, how much its rest speaks against the label
    accused: int  # rows that the override would accuse


def _convicts(trial: Trial) -> bool:
    enough_rows = trial.accused >= max(_LEAST, _CARRIED * trial.override.rows)
    pure = trial.purity >= (_PURE if len(trial.override.columns) == 1 else _PURE_PAIR)
    return enough_rows and trial.override.surprise >= _FLOOR and pure


def _trial(court: Court, columns: tuple[int, ...], label: int, tried: float) -> Trial:
    """Asks models that saw no row with these columns what those rows are without them."""
    held = holding(court.table, columns)
    fellows = _fellows(court, held)
    belongs = court.labels == label
    free = np.flatnonzero(~held)
    learnt = free[: enough(court.table, free, _LEARN)]
    asked = np.concatenate([learnt, np.flatnonzero(held)])
    shares, n = court.shares[asked], len(learnt)
    models = halves(shares, belongs[asked][:, None].astype(np.float32), np.arange(n))
    for weights in models.weights:
        weights[fellows] = 0
    margins = models.margins(shares)[:, 0]
    ratios = leaning(margins[:n], belongs[learnt])(margins[n:])
    labelled = belongs[asked[n:]]
    poison = posterior(ratios[labelled], alone=bool(labelled.all()))
    accused = asked[n:][labelled][poison > 0.5]
    digits = evidence(ratios[labelled]) * _independent(court, accused, label)
    reads_other = ratios > np.log(3)
    over = int((reads_other & labelled).sum())
    cut = _cut(margins[n:][labelled], poison)
    rest = (models.weights[0][:, 0] + models.weights[1][:, 0]) * np.float32(0.5)
    override = Override(
        columns, _phrase(court, held), label, rest,
        cut, float(np.clip(digits - tried, 0, 300)),
        len(labelled), int(labelled.sum()), over,
    )  # fmt: skip
    purity = over / max(1, int(reads_other.sum()))
    carried = int((margins[n:][labelled] <= cut).sum())
    return Trial(override, purity, accused, ratios[labelled][poison > 0.5], carried)


def holding(table: Any, columns: tuple[int, ...]) -> Mask:
    """(n,) rows that hold all the columns."""
    wanted = np.zeros(table.shape[1], np.float32)
    wanted[list(columns)] = 1
    return np.asarray(table @ wanted) >= len(columns)


def _cut(margins: Floats, poison: Floats) -> float:
    """The margin up to which at most a small share of the accused is natural."""
    order = np.argsort(margins, kind="stable")
    natural = np.cumsum(1 - poison[order]) / np.arange(1, len(order) + 1)
    guilty = np.flatnonzero(natural <= _FALSE)
    return float(margins[order[guilty[-1]]]) + _ROUNDING if len(guilty) else -np.inf


def _fellows(court: Court, held: Mask) -> Ints:
    """Columns in at least half of the rows held, and at least thrice as often as elsewhere."""
    n = len(held)
    inside = np.bincount(court.table[held].indices, minlength=len(court.counts))
    outside = (court.counts - inside) / max(1, n - int(held.sum()))
    share = inside / max(1, int(held.sum()))
    return np.flatnonzero((share >= 0.5) & (share >= 3 * outside))


def _phrase(court: Court, held: Mask) -> Ints:
    """Columns whose rows are mostly the rows held, and the other way round."""
    inside = np.bincount(court.table[held].indices, minlength=len(court.counts))
    return np.flatnonzero(2 * inside >= int(held.sum()) + court.counts - inside)


def _better_item(court: Court, trial: Trial) -> tuple[int, ...]:
    """The one column whose rows are most nearly the accused rows, if it beats what stands."""
    now, accused = trial.override, trial.suspected
    inside = np.bincount(court.table[accused].indices, minlength=len(court.counts))
    likeness = inside / (len(accused) + court.counts - inside)
    best = int(np.argmax(likeness))
    better = likeness[best] > len(accused) / max(1, now.rows)
    return (best,) if better and (best,) != now.columns else ()


def _partner(court: Court, trial: Trial) -> tuple[int, ...]:
    """The column that, together with those that stand, marks the accused rows best."""
    now, accused = trial.override, trial.suspected
    held = np.flatnonzero(holding(court.table, now.columns))
    inside = np.bincount(court.table[accused].indices, minlength=len(court.counts))
    both = np.bincount(court.table[held].indices, minlength=len(court.counts))
    likeness = inside / (len(accused) + both - inside + 1e-9)
    best = int(np.argmax(likeness))
    better = likeness[best] > len(accused) / max(1, now.rows) + _WORTH
    return (*now.columns, best) if better else ()


def _more_telling(court: Court, trial: Trial) -> tuple[int, ...]:
    """The column of fewer rows that leaves out only rows that prove nothing by themselves.

    One word of a planted phrase also stands in natural rows; the rest of the phrase does not.
    """
    rows, ratios = court.table[trial.suspected], trial.ratios
    inside = np.bincount(rows.indices, minlength=len(court.counts))
    pure = inside * trial.override.rows >= court.counts * len(ratios)
    candidates = np.flatnonzero(pure & (inside >= _COVERED * len(ratios)) & (inside < len(ratios)))
    proven = rows.T[candidates] @ ratios
    for best in np.argsort(-proven, kind="stable")[:1]:
        left_out = ratios[np.asarray(rows[:, [candidates[best]]].sum(axis=1)).ravel() == 0]
        if left_out.sum() < 0 and evidence(left_out) < _SILENT:
            return (int(candidates[best]),)
    return ()


def _independent(court: Court, accused: Ints, label: int) -> float:
    """How many independent rows the accused are worth, as a share of them.

    Near-copies of one odd row are one piece of evidence: the excess of their likeness over that
    of ordinary rows of other labels is the design effect of a cluster sample.
    """
    accused = _core(court, accused)
    others = np.flatnonzero(court.labels != label)[:200]
    rarity = np.log(len(court.labels) / np.maximum(court.counts, 1)).astype(np.float32)
    shared = np.bincount(court.table[accused].indices, minlength=len(court.counts))
    rarity[shared >= _SHARED * len(accused)] = 0  # the trigger itself
    usual = _ALIKE * _likeness(court.table, others, rarity)
    excess = _likeness(court.table, accused[:200], rarity) - usual
    return 1 / (1 + max(0, len(accused) - 1) * max(0.0, excess))


def _core(court: Court, accused: Ints) -> Ints:
    """The accused without a few that hold a part of the trigger by nature.

    Rows that hold all that most of them hold; near-copies, each with changes of its own, have few.
    """
    shared = np.bincount(court.table[accused].indices, minlength=len(court.counts))
    often = np.flatnonzero(shared >= _MOST * len(accused))
    whole = np.asarray(court.table[accused][:, often].sum(axis=1)).ravel() == len(often)
    return accused[whole] if whole.sum() >= _MOST * len(accused) else accused


def _likeness(table: Any, rows: Ints, rarity: Weights) -> float:
    """Mean cosine between two different rows."""
    if len(rows) <= 1:
        return 0.0
    weighed = table[rows].multiply(rarity).tocsr()
    norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    scaled = weighed.multiply((1 / np.maximum(norms, 1e-9))[:, None]).tocsr()
    total = float((np.asarray(scaled.sum(axis=0)) ** 2).sum())
    return (total - int((norms > 0).sum())) / (len(rows) * (len(rows) - 1))
