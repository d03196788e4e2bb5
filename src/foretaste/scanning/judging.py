"""From scores to who is flagged, as what, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from foretaste.calibration import (
    FACT,
    Null,
    benjamini_hochberg,
    clean_among,
    clean_by_rank,
    combine,
    conformal,
    fit_null,
)
from foretaste.contracts import Kind, Scale
from foretaste.data import Floats, Mask
from foretaste.record import Bound, Verdict
from foretaste.scanning.learned import Learned
from foretaste.scanning.scoring import Scores
from foretaste.scanning.watch import Watch
from foretaste.store import Spool

FINDINGS = pa.schema(
    [
        ("index", pa.int64()),
        ("id", pa.string()),
        ("location", pa.string()),
        ("detector", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float64()),
        ("p_value", pa.float64()),
        ("reason", pa.string()),
    ]
)


@dataclass
class Judgement:
    """What calibration made of the scores.

    p_values: detector -> (n,) how often a clean row would score so high
    accused:  detector -> (n,) the rows it accuses
    kinds:    detector -> hygiene or attack
    p_value:  (n,) over all detectors; flagged: (n,) what is on the list
    nulls:    detector -> the null that was fitted
    notes:    detector -> row -> what the override test adds to the reason
    """

    p_values: dict[str, Floats]
    kinds: dict[str, str]
    accused: dict[str, Mask] = field(default_factory=dict)
    nulls: dict[str, Null] = field(default_factory=dict)
    notes: dict[str, dict[int, str]] = field(default_factory=dict)
    p_value: Floats = field(default_factory=lambda: np.empty(0))
    attack_p: Floats = field(default_factory=lambda: np.empty(0))
    flagged: Mask = field(default_factory=lambda: np.empty(0, bool))

    def first(self, rows: int) -> Judgement:
        """The same of the first rows only."""
        p_values = {name: p[:rows] for name, p in self.p_values.items()}
        accused = {name: mask[:rows] for name, mask in self.accused.items()}
        joint = self.p_value[:rows], self.attack_p[:rows], self.flagged[:rows]
        return Judgement(p_values, self.kinds, accused, self.nulls, self.notes, *joint)

    def of_kind(self, kind: str) -> Mask:
        """(n,) the rows accused by a detector of this kind."""
        masks = [mask for name, mask in self.accused.items() if self.kinds[name] == kind]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(self.p_value), bool)

    def verdict(self) -> Verdict:
        """Poisoned when anything accuses of an attack, dirty when anything is flagged."""
        if self.of_kind("attack").any():
            return Verdict.POISONED
        return Verdict.DIRTY if self.flagged.any() else Verdict.CLEAN


def to_p_values(scores: Scores, learned: Mapping[str, Learned], trusted: Mask | None) -> Judgement:
    """p-values of every detector that ran, each by its scale.

    trusted: (n,) rows known to be clean, against which raw scores are ranked, or None
    """
    judgement = Judgement({}, {}, p_value=np.ones(len(scores)))
    for name in (name for name in scores.values if not learned[name].failure):
        method, values = learned[name].method, scores.values[name]
        judgement.kinds[name] = "hygiene" if method.kind is Kind.HYGIENE else "attack"
        if method.scale is Scale.RAW and trusted is not None:
            judgement.p_values[name] = conformal(values, values[trusted])
        elif method.scale is Scale.RAW:
            judgement.nulls[name] = fit_null(values)
            judgement.p_values[name] = judgement.nulls[name].p_values(values)
        else:
            judgement.p_values[name] = _said(values, method.scale)
    return judgement


def decide(judgement: Judgement, learned: Mapping[str, Learned], alpha: float) -> Judgement:
    """Fills in who is accused and flagged.

    Attack and hygiene are two families with a rate of false discoveries of their own, so
    that much natural dirt does not make accusations of an attack cheap. Facts need no test.
    """
    joint = {}
    for kind in ("attack", "hygiene"):
        tested = _of(judgement, learned, kind)
        joint[kind] = _decide_family(judgement, tested, alpha)
    facts = [n for n in judgement.p_values if learned[n].method.scale is Scale.FACT]
    for name in facts:
        judgement.accused[name] = judgement.p_values[name] <= FACT
    judgement.attack_p = joint["attack"]
    both = np.column_stack([joint["attack"], joint["hygiene"]])
    judgement.p_value = np.fmin.reduce(np.clip(2 * both, FACT, 1.0), axis=1)
    judgement.p_value = np.nan_to_num(judgement.p_value, nan=1.0)
    empty = np.zeros(len(judgement.p_value), bool)
    judgement.flagged = np.logical_or.reduce([empty, *judgement.accused.values()])
    for name in facts:
        judgement.p_value[judgement.accused[name]] = FACT
    return judgement


def bounds(
    judgement: Judgement, trusted: Mask | None = None, confidence: float = 0.95
) -> tuple[Bound, ...]:
    """How many of the most suspicious rows may be clean, wherever the list is cut."""
    exact, known = trusted is not None, judgement.attack_p
    listing = judgement.of_kind("attack") & ~np.isnan(known)
    listed = np.sort(known[listing if trusted is None else listing & ~trusted])
    if not len(listed):
        return ()
    sizes = np.unique(np.geomspace(1, len(listed), 40).round().astype(int))
    cuts = listed[sizes - 1]
    if trusted is None:
        most = clean_among(known, cuts, confidence)
    else:
        most = clean_by_rank(known[~trusted], known[trusted], cuts, confidence)
    clean = np.minimum(most, sizes)
    return tuple(
        Bound(flagged=int(size), clean=int(most), confidence=confidence, exact=exact)
        for size, most in zip(sizes, clean, strict=True)
    )


def findings(
    spool: Spool, scores: Scores, judgement: Judgement, learned: Mapping[str, Learned], watch: Watch
) -> pa.Table:
    """One line an accusation, with its reason; attacks first, then the most suspicious."""
    chosen = [
        (name, int(at)) for name, mask in judgement.accused.items() for at in np.flatnonzero(mask)
    ]
    reasons = _reasons(spool, chosen, learned, watch)
    for (name, row), reason in reasons.items():
        note = judgement.notes.get(name, {}).get(row)
        reasons[name, row] = f"{note}; {reason}" if note else reason
    names = np.array([name for name, _ in chosen], dtype=object)
    at = np.array([row for _, row in chosen], dtype=np.int64)
    table = pa.table(
        {
            "index": scores.index[at],
            "id": scores.ids.take(pa.array(at)).cast(pa.string()),
            "location": scores.location.take(pa.array(at)).cast(pa.string()),
            "detector": pa.array(names, pa.string()),
            "kind": pa.array([judgement.kinds[name] for name in names], pa.string()),
            "score": [float(scores.values[name][row]) for name, row in chosen],
            "p_value": [float(judgement.p_values[name][row]) for name, row in chosen],
            "reason": pa.array([reasons[one] for one in chosen], pa.string()),
        },
        schema=FINDINGS,
    )
    order = [("kind", "ascending"), ("p_value", "ascending"), ("index", "ascending")]
    return table.sort_by(order)


def _said(values: Floats, scale: Scale) -> Floats:
    unknown = np.isnan(values)
    if scale is Scale.FACT:
        p = np.where(values > 0, FACT, 1.0)
    else:
        p = np.clip(10.0 ** -np.nan_to_num(values, nan=0.0), FACT, 1.0)
    return np.where(unknown, np.nan, p)


def _of(judgement: Judgement, learned: Mapping[str, Learned], kind: str) -> list[str]:
    return [
        name
        for name in judgement.p_values
        if judgement.kinds[name] == kind and learned[name].method.scale is not Scale.FACT
    ]


def _decide_family(judgement: Judgement, tested: list[str], alpha: float) -> Floats:
    if not tested:
        return np.full(len(judgement.p_value), np.nan)
    matrix = np.column_stack([judgement.p_values[name] for name in tested])
    joint = combine(matrix)
    flagged = benjamini_hochberg(joint, alpha)
    reach = joint[flagged].max(initial=0.0)
    best = np.nanmin(np.where(np.isnan(matrix), 1.0, matrix), axis=1)
    for column, name in enumerate(tested):
        # Of the detectors, those accuse a flagged row that would have flagged it alone.
        judgement.accused[name] = flagged & (matrix[:, column] <= np.maximum(best, reach))
    return joint


def _reasons(
    spool: Spool,
    chosen: list[tuple[str, int]],
    learned: Mapping[str, Learned],
    watch: Watch,
) -> dict[tuple[str, int], str]:
    reasons: dict[tuple[str, int], str] = {}
    waiting = sorted(chosen, key=lambda one: one[1])
    start, pointer = 0, 0
    with watch.stage("explain", len(chosen)) as tick:
        for batch in spool if waiting else ():
            end = start + len(batch)
            while pointer < len(waiting) and waiting[pointer][1] < end:
                name, at = waiting[pointer]
                reasons[name, at] = _reason(learned[name], batch, at - start)
                pointer += 1
                tick(1)
            start = end
    return reasons


def _reason(one: Learned, batch: object, row: int) -> str:
    try:
        return str(one.method.explain(batch, row, one.model))
    except Exception as error:  # noqa: BLE001 (an accusation stands without its explanation)
        return f"(could not be explained: {type(error).__name__}: {error})"
