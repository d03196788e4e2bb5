"""What honest rows look like: unflagged neighbours of a row that is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foretaste.data import Array, Batch, concat
from foretaste.scanning.run import Scanned
from foretaste.summaries.strata import Strata

SAMPLE = 8_000  # unflagged rows among which neighbours are searched
EACH = 2  # prototypes of the label, and as many of the class the content speaks for
KEPT = ("embedding", "pixels", "text", "response", "features")


class Near(NamedTuple):
    """An unflagged row close to one that is shown; `row` is its place in the sample."""

    row: int
    label: int


@dataclass(frozen=True, eq=False)
class Walked:
    """What one walk over the rows brought back.

    rows:   index -> batch and place in it, of the rows to be explained
    honest: a sample of unflagged, labelled rows in which rare classes are kept
    """

    rows: Mapping[int, tuple[Batch, int]]
    honest: Batch

    def take(self, indices: Sequence[int]) -> Batch:
        """The rows of these indices as one batch, in that order; columns all of them have."""
        return concat([self.rows[index][0].take([self.rows[index][1]]) for index in indices])


def walk(done: Scanned, wanted: set[int]) -> Walked:
    """Gathers the rows to be explained, and honest ones to compare them with."""
    found: dict[int, tuple[Batch, int]] = {}
    flagged = done.scores.index[done.judgement.flagged]
    sample: Strata | None = None
    for batch in done.spool if wanted else ():
        hit = batch.take(np.isin(batch["index"], list(wanted)))
        found.update({int(index): (hit, row) for row, index in enumerate(hit["index"])})
        if "label" in batch:
            fair = batch.take(~np.isin(batch["index"], flagged))
            part = Strata.of(fair, KEPT, SAMPLE, done.settings.seed)
            sample = part if sample is None else sample.merge(part)
    return Walked(found, Batch([], {}) if sample is None else sample.sorted())


def nearest(honest: Batch, vectors: Array, classes: Sequence[int]) -> list[tuple[Near, ...]]:
    """The closest honest rows of the class given, a row each; none where the class is -1."""
    labels, place = honest["label"], honest["embedding"].astype(np.float32)
    wanted = np.asarray(classes)
    found: list[tuple[Near, ...]] = [()] * len(wanted)
    for code in np.unique(wanted[wanted >= 0]).tolist():
        own, asked = np.flatnonzero(labels == code), np.flatnonzero(wanted == code)
        for at in asked if len(own) else ():
            far = np.square(place[own] - vectors[at]).sum(axis=1)
            order = own[np.argsort(far, kind="stable")[:EACH]]
            found[at] = tuple(Near(int(row), code) for row in order)
    return found
