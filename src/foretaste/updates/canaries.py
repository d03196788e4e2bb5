"""What is shown to every model update before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from foretaste.contracts import Probe, Victim
from foretaste.data import UNLABELLED, Array, Batch, Mask
from foretaste.errors import BadInput
from foretaste.updates.proof import loss_between, share_between
from foretaste.updates.record import Guarded, Measured

FEWEST = 20  # rows of a class that is looked at by itself


@dataclass(frozen=True)
class Tolerance:
    """How much an update may cost.

    loss:       of accuracy on clean rows, proved not to be more
    class_loss: of accuracy in one class: an update is refused where it is proved to cost more
    success:    share of triggered rows that may get what the attacker wants, proved not to be more
    confidence: of each proof
    """

    loss: float = 0.02
    class_loss: float = 0.05
    success: float = 0.1
    confidence: float = 0.95


class Trigger(NamedTuple):
    """What an attacker would show a model.

    plain: the same rows without it; those of which a model is wrong anyway say nothing about what
        the trigger does, and are left out
    """

    shown: Probe
    plain: Batch | None = None

    def hits(self, victim: Victim) -> Mask:
        """Which rows, of those that tell, get what the attacker wants."""
        hit = np.asarray(self.shown.hit(victim.predict(self.shown.rows)), bool)
        if self.plain is None:
            return hit
        return hit[~np.asarray(self.shown.hit(victim.predict(self.plain)), bool)]


@dataclass(frozen=True, eq=False)
class Canaries:
    """Rows of which the right answers are known, and triggers of which the wrong ones are.

    clean:    rows with labels; nothing may ever train on them
    triggers: name -> what an attacker would show the model
    """

    clean: Batch
    triggers: Mapping[str, Trigger] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "label" not in self.clean or not (self.clean["label"] != UNLABELLED).any():
            raise BadInput("canaries are rows with labels, and none of these has one")

    def guard(
        self, new: Victim, old: Victim | None, tolerance: Tolerance, against: str = ""
    ) -> Guarded:
        """Measures an update; it is admitted only if every canary holds.

        old: the model to compare with; None: the first update, of which only triggers are asked

        A model that fails on the canaries, or gives no probabilities of classes, is not admitted.
        """
        known = self.clean.take(self.clean["label"] != UNLABELLED)
        right = _right(new, known)
        before = np.zeros(len(known), bool) if old is None else _right(old, known)
        measured = [_overall(before, right, tolerance)]
        measured += _by_class(known, before, right, tolerance) if old is not None else []
        measured += [
            _trigger(name, one, new, old, tolerance) for name, one in self.triggers.items()
        ]
        said = "nothing" if old is None else against or "the model in use"
        return Guarded.model_validate(
            {
                "admitted": all(one.holds for one in measured),
                "against": said,
                "confidence": tolerance.confidence,
                "canaries": measured,
            }
        )


def _overall(before: Mask, right: Mask, tolerance: Tolerance) -> Measured:
    """Proof that no more than the tolerance is lost; with too few rows there is none."""
    low, loss, high = loss_between(before, right, tolerance.confidence)
    holds = high <= tolerance.loss
    why = f"clean rows: {_points(loss)} lost, perhaps {_points(high)}; {_points(tolerance.loss)} "
    few = loss_between(np.ones(len(right), bool), np.ones(len(right), bool), tolerance.confidence)
    enough = few.high <= tolerance.loss
    why += "may be" if enough else f"cannot be proved with {len(right)} rows: give more canaries"
    return Measured(
        canary="clean rows",
        rows=len(right),
        before=float(before.mean()),
        after=float(right.mean()),
        loss=loss,
        low=low,
        high=high,
        bound=tolerance.loss,
        holds=holds,
        why=why,
    )


def _by_class(known: Batch, before: Mask, right: Mask, tolerance: Tolerance) -> list[Measured]:
    """No class may be proved to have lost more, all classes together at the confidence asked."""
    codes, counts = np.unique(known["label"], return_counts=True)
    codes = codes[counts >= FEWEST]
    confidence = 1 - (1 - tolerance.confidence) / max(len(codes), 1)
    found = []
    for code in codes.tolist():
        mine = known["label"] == code
        low, loss, high = loss_between(before[mine], right[mine], confidence)
        name = f"clean rows of {known.class_name(code)}"
        why = f"{name}: {_points(loss)} lost, {_points(low)} at least; "
        found.append(
            Measured(
                canary=name,
                rows=int(mine.sum()),
                before=float(before[mine].mean()),
                after=float(right[mine].mean()),
                loss=loss,
                low=low,
                high=high,
                bound=tolerance.class_loss,
                holds=low <= tolerance.class_loss,
                why=why + f"{_points(tolerance.class_loss)} may be",
            )
        )
    return found


def _trigger(
    name: str, trigger: Trigger, new: Victim, old: Victim | None, tolerance: Tolerance
) -> Measured:
    """Proof that a known trigger does no more than it may."""
    if not len(trigger.shown.rows):
        raise BadInput(f"trigger {name}: no row to show it on; canaries need other classes too")
    hits = trigger.hits(new)
    low, share, high = share_between(int(hits.sum()), len(hits), tolerance.confidence)
    was = share if old is None else _share(trigger.hits(old))
    may = max(tolerance.success, was) if old is not None else tolerance.success
    why = f"trigger {name}: {_points(share)} of what an attacker wants, perhaps {_points(high)}; "
    return Measured(
        canary=name,
        rows=len(hits),
        before=was,
        after=share,
        loss=share,
        low=low,
        high=high,
        bound=may,
        holds=high <= may or (old is not None and share <= was),
        why=why + f"{_points(may)} may be",
    )


def _right(victim: Victim, rows: Batch) -> Mask:
    outcomes: Array = np.asarray(victim.predict(rows))
    if outcomes.ndim != 2 or len(outcomes) != len(rows):
        raise BadInput(
            f"canaries ask for class probabilities (n, k); this model gives {outcomes.shape}"
        )
    finite = np.isfinite(outcomes).all(axis=1)
    return np.asarray((outcomes.argmax(axis=1) == rows["label"]) & finite)


def _share(hits: Mask) -> float:
    return float(hits.mean()) if len(hits) else 0.0


def _points(share: float) -> str:
    return f"{100 * share:.1f} %"
