"""Two walks: one to summarize for all detectors, one to score for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from foretaste.contracts import Detector
from foretaste.data import Batch, Floats, Ints
from foretaste.scanning.learned import Learned, fit_all, summarize_all, told
from foretaste.scanning.watch import Watch
from foretaste.store import Spool


@dataclass
class Scores:
    """What every detector said of every row.

    index, ids, location: (n,) of each row read
    label:  (n,) class codes, or None
    values: detector -> (n,) scores
    groups: detector -> (n,) group numbers, for those that propose groups
    """

    index: Ints
    ids: pa.Array
    location: pa.Array
    label: Ints | None
    values: dict[str, Floats] = field(default_factory=dict)
    groups: dict[str, Ints] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    def first(self, rows: int) -> Scores:
        """The same of the first rows only."""
        label = None if self.label is None else self.label[:rows]
        values = {name: column[:rows] for name, column in self.values.items()}
        groups = {name: column[:rows] for name, column in self.groups.items()}
        where = self.index[:rows], self.ids[:rows], self.location[:rows]
        return Scores(*where, label, values, groups)


def learn_all(
    dataset: Spool, methods: Mapping[str, Detector[Any, Any]], watch: Watch
) -> dict[str, Learned]:
    """Walks the data once to summarize it for all methods, then fits each."""
    learned = [Learned(name, one) for name, one in methods.items()]
    summarize_all(dataset, learned, watch, "summarize")
    fit_all(learned, watch)
    return {one.name: one for one in learned}


def score_all(dataset: Spool, learned: Iterable[Learned], watch: Watch) -> Scores:
    """Walks the data once to score it with all detectors; one that fails tells nothing."""
    at, parts, detectors = 0, [], [one for one in learned if not one.failure]
    values = {one.name: np.full(dataset.rows, np.nan) for one in detectors}
    groups = {
        one.name: np.full(dataset.rows, -1) for one in detectors if hasattr(one.method, "propose")
    }
    with watch.stage("score", dataset.rows) as tick:
        for batch in dataset:
            rows = slice(at, at + len(batch))
            for one in detectors:
                with watch.part(one.name):
                    _score_into(one, batch, values[one.name][rows], groups.get(one.name), rows)
            label = batch["label"] if "label" in batch else None  # noqa: SIM401 (a batch, no dict)
            parts.append((batch["index"], batch.arrow_ids(), batch.arrow("location"), label))
            at += len(batch)
            tick(len(batch))
    for one in (one for one in detectors if one.failure):
        values[one.name][:] = np.nan  # all of its rows are held, those before the failure too
    index = np.concatenate([part[0] for part in parts])
    ids, location = (pa.concat_arrays([part[i] for part in parts]) for i in (1, 2))
    labels = [part[3] for part in parts if part[3] is not None]
    return Scores(index, ids, location, np.concatenate(labels) if labels else None, values, groups)


def _score_into(one: Learned, batch: Batch, into: Floats, groups: Ints | None, rows: slice) -> None:
    if one.failure:
        return
    try:
        into[:] = one.method.score(batch, one.model)
        if groups is not None:
            groups[rows] = one.method.propose(batch, one.model)
    except Exception as error:  # noqa: BLE001 (its rows stay NaN, which holds them)
        one.failure = told(error)
