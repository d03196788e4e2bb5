"""From windows that were let in to a model, beside one that never saw the newest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from foretaste.contracts import Victim
from foretaste.data import Batch, concat
from foretaste.errors import BadInput
from foretaste.keeping import keep
from foretaste.updates.canaries import Canaries, Tolerance
from foretaste.updates.history import History
from foretaste.updates.record import Guarded, Update

OWN = ("arrived", "breach", "key")  # what a gate adds to records for itself


class Windows(Protocol):
    """Windows that are over, by the digest of what stood in each."""

    def digests(self) -> Sequence[str]:
        """Oldest first."""

    def rows(self, digest: str) -> Batch:
        """What stood: may be learned from, unless it was found bad since."""

    def set_aside(self, digests: Sequence[str]) -> int:
        """Moves windows where nothing learns from them; deletes nothing. The number of rows."""


@dataclass(frozen=True, eq=False)
class Learner:
    """Trains on trusted rows and on windows.

    name, recipe: as `foretaste train` knows them
    trusted: rows known to be clean, with the classes of all
    """

    name: str
    recipe: Any
    trusted: Batch
    seed: int = 0

    def train(self, windows: Windows, digests: Sequence[str], history: History) -> Victim:
        """On all that stands in these windows, less what was found bad afterwards."""
        bad = history.pulled()
        parts = [standing_rows(windows, digest, bad) for digest in digests]
        shared = [name for name in self.trusted.names if all(name in part for part in parts)]
        columns = [name for name in shared if name not in OWN]
        lacking = set(self.recipe.needs) - set(columns)
        if lacking:
            raise BadInput(f"recipe {self.name} needs {', '.join(sorted(lacking))}")
        every = [_only(part, columns) for part in (self.trusted, *parts)]
        rows = Batch(*_parts(concat(every)), classes=self.trusted.classes)
        victim: Victim = self.recipe.train(rows, self.seed)
        return victim


def learnable(windows: Windows, history: History) -> tuple[str, ...]:
    """Digests of the windows that may be learned from."""
    aside = history.set_aside()
    return tuple(one for one in windows.digests() if one not in aside)


def standing_rows(windows: Windows, digest: str, bad: frozenset[tuple[str, str]]) -> Batch:
    """What stands in a window, less what was found bad afterwards."""
    rows = windows.rows(digest)
    kept = [(digest, record) not in bad for record in rows.ids.tolist()]
    return rows if all(kept) else rows.take(np.array(kept, bool))


def learn(
    history: History,
    windows: Windows,
    learner: Learner,
    canaries: Canaries,
    tolerance: Tolerance | None = None,
) -> Update:
    """Trains an update on all windows, measures it, writes it down; it is used if admitted.

    It is measured twice: against the model in use, and against a shadow that learned from
    everything but the newest window. Refused by the shadow, the newest window is to blame.
    """
    allowed = tolerance or Tolerance()
    digests = learnable(windows, history)
    if not digests:
        raise BadInput("no window is over yet, or all were set aside: there is nothing to learn")
    victim = learner.train(windows, digests, history)
    used = history.in_use()
    old = None if used is None else history.model(used).victim
    guarded = canaries.guard(victim, old, allowed)
    shadow = _shadowed(history, windows, learner, canaries, victim, allowed)
    with TemporaryDirectory(prefix="foretaste-") as folder:
        path = Path(folder) / "update.safetensors"
        facts = {"windows": len(digests), "seed": learner.seed}
        keep(path, learner.name, learner.recipe, victim, learner.trusted.classes, facts)
        return history.add(path, digests, guarded, shadow, learner.name)


def _shadowed(
    history: History,
    windows: Windows,
    learner: Learner,
    canaries: Canaries,
    victim: Victim,
    allowed: Tolerance,
) -> Guarded:
    """Measured against a model that never saw the newest window."""
    before = learnable(windows, history)[:-1]
    shadow = learner.train(windows, before, history)
    return canaries.guard(victim, shadow, allowed, "a model without the newest window")


def _only(rows: Batch, columns: Sequence[str]) -> Batch:
    return rows.without(*(set(rows.names) - set(columns)))


def _parts(rows: Batch) -> tuple[Any, dict[str, Any]]:
    return rows.arrow_ids(), {name: rows.arrow(name) for name in rows.names}
