"""Asks the scan's own network whether a class answers to what accused rows of it share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foretaste.data import Batch, Ints, concat
from foretaste.errors import BadInput
from foretaste.explainers.tcav import FEWEST, Tcav
from foretaste.record import Concept
from foretaste.scanning.run import Scanned
from foretaste.trained import Open

GROUPS = 4  # groups asked about, the largest; each costs a second or two
ROWS = 200  # of a group that are read


def concepts(done: Scanned, victim: Open, honest: Batch) -> tuple[Concept, ...]:
    """TCAV of the groups that detectors of attacks accuse, class by class."""
    groups = sorted(_accused(done), key=lambda one: -len(one[2]))[:GROUPS]
    method, rng = Tcav(), np.random.default_rng(done.settings.seed)
    found = []
    for detector, code, rows in groups:
        chosen = _read(done, rng.permutation(rows)[:ROWS])
        try:
            told = method.sensitivity(victim, chosen, honest, code, rng)
        except BadInput:  # hardly any honest rows of the class to compare with
            continue
        found.append(
            Concept(
                detector=detector,
                label=honest.class_name(code),
                rows=len(rows),
                layer=told.layer,
                score=round(told.score, 3),
                effect=round(told.effect, 4),
                random=round(told.random, 4),
                p_value=told.p_value,
            )
        )
    return tuple(found)


def _accused(done: Scanned) -> Iterator[tuple[str, int, Ints]]:
    """Detector, class code and `index` of rows accused of an attack; the same rows once."""
    label, seen = done.scores.label, set()
    for name, mask in done.judgement.accused.items():
        if done.judgement.kinds[name] != "attack" or label is None:
            continue
        for code in np.unique(label[mask & (label >= 0)]).tolist():
            rows = done.scores.index[mask & (label == code)]
            if len(rows) >= FEWEST and rows.tobytes() not in seen:
                seen.add(rows.tobytes())
                yield name, int(code), rows


def _read(done: Scanned, rows: Ints) -> Batch:
    columns = ("pixels", "label")
    parts = [batch.take(np.isin(batch["index"], rows)) for batch in done.spool]
    return concat(
        [Batch(p.arrow_ids(), {c: p.arrow(c) for c in columns}, p.classes) for p in parts if len(p)]
    )
