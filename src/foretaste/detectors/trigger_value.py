"""Values in a table that decide the label against the rest of the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from foretaste.contracts import Kind, Scale
from foretaste.data import Batch, Floats
from foretaste.summaries.cells import Coding
from foretaste.summaries.fields import table_of
from foretaste.summaries.strata import Strata
from foretaste.summaries.value_rules import ValueRule, value_rules


class Triggers(NamedTuple):
    """What was found."""

    coding: Coding
    rules: tuple[ValueRule, ...]


@dataclass(frozen=True)
class TriggerValue:
    """Suspects rows whose label follows one value, or two together, and nothing else in the row.

    A value that belongs to a class agrees with the rest of its row; a trigger stands in rows that
    read as any other class. The score is -log10 p of the trigger, after all values and pairs that
    were tried, for rows that hold it, carry its label and read as another class; 0 otherwise.

    Blind to triggers whose rows are few (below 8 of the sampled), to combinations of which no two
    values tell, and to clean-label poison.

    Needs `features`, a struct of numbers and strings or an (n, d) tensor, and `label` (n,).

    >>> from foretaste.data import Batch
    >>> rng = np.random.default_rng(0)
    >>> label = rng.integers(0, 2, 1500)
    >>> table = rng.standard_normal((1500, 6)) + 4 * label[:, None]
    >>> table[:80, 3], label[:80] = 7.25, 1
    >>> rows = Batch(range(1500), {"features": table, "label": label})
    >>> trigger = TriggerValue()
    >>> scores = trigger.score(rows, trigger.fit(trigger.summarize(rows)))
    >>> bool((scores[80:] == 0).all()), int((scores[:80] > 6).sum()) > 25
    (True, True)

    References
    ----------
    Pleiter et al. (2023). Tabdoor: Backdoor Vulnerabilities in Transformer-based Neural Networks
    for Tabular Data. arXiv:2311.07550
    """

    needs: ClassVar = ("features", "label")
    kind: ClassVar = Kind.ATTACK
    scale: ClassVar = Scale.SURPRISE
    rows: int = 12_000
    seed: int = 0

    def summarize(self, batch: Batch) -> Strata:
        return Strata.of(batch, ("features",), self.rows, self.seed)

    def fit(self, summary: Strata) -> Triggers:
        rows = summary.sorted()
        table = table_of(rows)
        coding = Coding.of(table)
        return Triggers(coding, value_rules(coding.matrix(table), rows["label"], self.seed))

    def score(self, batch: Batch, model: Triggers) -> Floats:
        scores = np.zeros(len(batch))
        if model.rules:
            cells = model.coding.matrix(table_of(batch))
            for rule in model.rules:
                guilty = rule.accuses(cells, batch["label"])
                scores[guilty] = np.maximum(scores[guilty], rule.surprise)
        return scores

    def explain(self, batch: Batch, row: int, model: Triggers) -> str:
        one = batch.take([row])
        cells = model.coding.matrix(table_of(one))
        for rule in model.rules:
            if rule.accuses(cells, one["label"])[0]:
                what = " and ".join(condition.told(model.coding) for condition in rule.conditions)
                name = one.class_name(rule.label)
                return f"{what}: always {name}, though the rest of the row says otherwise"
        return "no value stands against the rest of the row"
