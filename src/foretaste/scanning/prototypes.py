"""What honest rows look like: unflagged neighbours of a row that is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foretaste.data import Array, Batch, concat
from foretaste.scanning.run import Scanned
from foretaste.summaries.strata import Strata

SAMPLE = 8_000  # unflagged rows among which neighbours are searched
ROOM = 64 << 20  # bytes that a sample of pictures takes, about; large ones are fewer
EACH = 2  # prototypes of the label, and as many of the class the content speaks for
KEPT = ("embedding", "pixels")
Found = Mapping[int, tuple[Batch, int]]  # index -> batch, and place in it


@dataclass(frozen=True)
class Near:
    """An unflagged row close to one that is shown."""

    index: int
    label: int


@dataclass(frozen=True, eq=False)
class Walked:
    """What one walk over the rows brought back.

    rows:   those to be explained
    honest: a sample of unflagged, labelled rows in which rare classes are kept
    """

    rows: Found
    honest: Batch

    def take(self, indices: Sequence[int]) -> Batch:
        """The rows of these indices as one batch, in that order; columns all of them have."""
        return concat([self.rows[index][0].take([self.rows[index][1]]) for index in indices])


def walk(done: Scanned, wanted: set[int]) -> Walked:
    """Gathers the rows to be explained, and honest ones to compare them with."""
    flagged = done.scores.index[done.judgement.flagged]
    sample: Strata | None = None
    size = _size(done.spool.batch(0)) if wanted else 0
    for batch in done.spool if wanted else ():
        if "label" in batch:
            fair = batch.take(~np.isin(batch["index"], flagged))
            part = Strata.of(fair, KEPT, size, done.settings.seed)
            sample = part if sample is None else sample.merge(part)
    return Walked(gather(done, wanted), Batch([], {}) if sample is None else sample.sorted())


def gather(done: Scanned, wanted: set[int]) -> Found:
    """The rows of these indices, whole."""
    found: dict[int, tuple[Batch, int]] = {}
    for batch in done.spool if wanted else ():
        hit = batch.take(np.isin(batch["index"], list(wanted)))
        found.update({int(index): (hit, row) for row, index in enumerate(hit["index"])})
    return found


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
            found[at] = tuple(Near(int(index), code) for index in honest["index"][order])
    return found


def _size(batch: Batch) -> int:
    each = batch["pixels"].nbytes // max(len(batch), 1) if "pixels" in batch else 0
    return int(np.clip(ROOM // max(each, 1), SAMPLE // 8, SAMPLE))
