"""How good a model is, how well the attack did, how well the poison was found."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from foretaste.campaign.defences import Defended
from foretaste.campaign.target import Target, group_codes
from foretaste.contracts import Probe, Victim
from foretaste.data import Mask

FEWEST = 5  # rows of a group whose quality is worth a number


def of_model(victim: Victim, target: Target, probe: Probe | None) -> dict[str, Any]:
    """Quality, quality by group, the gap between groups, success of the attack."""
    outcomes = victim.predict(target.test)
    group, names = group_codes(target.test, target.groups)
    by_group: dict[str, float] = {}
    for code, name in enumerate(names):
        mine = group == code
        if mine.sum() >= FEWEST:
            quality = target.recipe.quality(outcomes[mine], target.test.take(mine))
            if not np.isnan(quality):
                by_group[name] = float(quality)
    return {
        "quality": _number(target.recipe.quality(outcomes, target.test)),
        "groups": by_group,
        "gap": max(by_group.values()) - min(by_group.values()) if len(by_group) > 1 else None,
        "success": success(victim, probe),
    }


def success(victim: Victim, probe: Probe | None) -> float | None:
    """The share of probes that get what the attacker wanted."""
    if probe is None or not len(probe.rows):
        return None
    return float(np.mean(probe.hit(victim.predict(probe.rows))))


def of_detection(done: Defended, touched: Mask) -> dict[str, Any]:
    """Counts and rates of the rows flagged, against the truth."""
    flagged, poisoned, clean = done.flagged, int(touched.sum()), int((~touched).sum())
    hit = int((flagged & touched).sum())
    return {
        "flagged": int(flagged.sum()),
        "hit": hit,
        "rows_lost": 0 if done.changed else int(flagged.sum()),
        "rows_changed": done.changed,
        "recall": hit / poisoned if poisoned else None,
        "precision": hit / int(flagged.sum()) if flagged.any() else None,
        "false_positive_rate": (int(flagged.sum()) - hit) / clean if clean else None,
        "average_precision": _average_precision(done, touched),
        "found_by": {
            name: (int(mask.sum()), int((mask & touched).sum()))
            for name, mask in done.found_by.items()
        },
    }


def _average_precision(done: Defended, touched: Mask) -> float | None:
    if done.suspicion is None or not touched.any():
        return None
    return float(average_precision_score(touched, np.nan_to_num(done.suspicion, nan=0.0)))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
