"""What was promoted: SCAn without trusted rows, which proposes groups and accuses nobody.

The third answer: of each group, its rows and how many of them are poison. Flagged are all rows of
groups that are mostly poison, which is what an override test that never errs would confirm.
"""

from __future__ import annotations

import numpy as np

from foretaste.data import Batch
from foretaste.detectors.statistical_contamination import StatisticalContamination


def judge(seen):
    method = StatisticalContamination()
    columns = {"embedding": seen.embedding, "label": seen.labels}
    rows = Batch([f"{i}" for i in range(len(seen.labels))], columns)
    model = method.fit(method.summarize(rows))
    group = method.propose(rows, model)
    sizes = {int(g): (group == g) for g in np.unique(group[group >= 0])}
    guilty = [g for g, rows in sizes.items() if seen.truth[rows].mean() > 0.5]
    groups = [[int(rows.sum()), int(seen.truth[rows].sum())] for rows in sizes.values()]
    flagged = np.isin(group, guilty) if guilty else np.zeros(len(group), bool)
    return method.score(rows, model), flagged, groups
