"""One small patch that moves images of every class, each class to another: all-to-all backdoors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array, Batch
from foretaste.inversion import AWAY, Search, Triggers, images_of, inverted
from foretaste.standing_out import CLASSES, Gumbel
from foretaste.trained import Severity, Subject, Suspicion

CLEAN = Gumbel(2.52, 0.50)  # of clean models: benchmarks/results/inversion.md
ROWS = 32  # images a step: of most classes some


@dataclass(frozen=True)
class ScatteringTrigger:
    """Suspects a model in which one small patch moves images of all classes, not all to one.

    It searches for the smallest pattern under a mask that makes images leave their class and part
    in different directions. A clean model lets itself be confused by a small patch, but then sees
    one or two classes everywhere; to send each class to another takes a large part of the image,
    or a backdoor that was trained to. The score is how often the image has to be halved to be as
    small as the mask; the p-value is how often that of a clean model is so small.

    alpha:  the model is suspected at this p-value or below
    images: how many of the rows are searched with
    starts: searches from different beginnings, all at once, of which the best counts
    steps:  of each search

    Blind to backdoors with one target or a few, which other inspectors find, to triggers that are
    no patch, and to models of fewer than three classes.

    Needs `victim` and `rows` with `pixels`.

    >>> from foretaste.trained import Subject
    >>> ScatteringTrigger().inspect(Subject())
    ()

    References
    ----------
    Gu, Dolan-Gavitt, Garg (2017). BadNets. arXiv:1708.06733 (the attack; searching for it by how
    differently images are moved is this project's own)
    """

    alpha: float = 0.01
    images: int = 200
    starts: int = 3
    steps: int = 120
    needs: ClassVar[tuple[str, ...]] = ("victim", "rows")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        victim, rows = subject.victim, subject.rows
        if victim is None or rows is None or victim.classes < 3:
            return ()
        rng = np.random.default_rng(subject.seed)
        pixels = images_of(rows, self.images, rng)
        found, at = self.smallest(victim, pixels, rng)
        score = np.log2([found.masks[at].size / found.norms[at]])
        p_value = float(CLEAN.p_values(score, CLASSES)[0])
        if p_value > self.alpha:
            return ()
        reason = (
            f"one patch of {found.norms[at]:.0f} pixels moves {found.success[at]:.0%} of the "
            f"images to another class: {_moves(victim, pixels, found, at, rows)}"
        )
        picture = found.picture(at)
        part = "all classes"
        return (Suspicion(part, Severity.CRITICAL, reason, float(score[0]), p_value, picture),)

    def smallest(self, victim: Any, pixels: Array, rng: Any) -> tuple[Triggers, int]:
        """The triggers of all starts, and which of them is the smallest."""
        search = Search(steps=self.steps, rows=ROWS)
        found = inverted(victim, pixels, rng, search, np.full(self.starts, AWAY))
        return found, int(found.norms.argmin())


def _moves(victim: Any, pixels: Array, found: Triggers, at: int, rows: Batch) -> str:
    """What most images of each class are seen as with the trigger in them."""
    plain = Batch(range(len(pixels)), {"pixels": pixels})
    before = victim.predict(plain).argmax(axis=1)
    after = victim.predict(plain.having(pixels=found.stamped(pixels, at))).argmax(axis=1)
    to = {int(code): np.bincount(after[before == code]).argmax() for code in np.unique(before)}
    named = [f"{rows.class_name(a)} to {rows.class_name(int(b))}" for a, b in to.items() if a != b]
    return ", ".join(named[:5])
