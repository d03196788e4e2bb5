"""The smallest patch that turns every image into a class: of a backdoor's target it is tiny."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from foretaste.inversion import Search, images_of, inverted
from foretaste.standing_out import Gumbel, gravity, halvings
from foretaste.trained import Subject, Suspicion

CLEAN = Gumbel(1.0, 0.31)  # of clean models: benchmarks/results/inversion.md


@dataclass(frozen=True)
class NeuralCleanse:
    """Suspects classes that a far smaller patch leads to than to the others.

    For all classes at once it searches for the smallest pattern under a mask that turns images of
    other classes into that class. The score is how many times the median of the other classes'
    masks (in pixels) has to be halved to be as small; the p-value is how often the smallest mask
    of a clean model is so small, measured on clean models. The picture is the pattern under its
    mask, on black. The paper's index, median and MAD of one model's ten masks, calls one clean
    model in several poisoned; that is why the null comes from other models.

    alpha:  a class is suspected at this p-value or below; at 0.01 it is critical
    images: how many of the rows are searched with
    steps:  of the search

    Blind to triggers that fill the image and are told by no part of it (warps), to backdoors where
    most classes are targets, since no class stands out then, and to those where an image's own
    class decides what the trigger means. A model of two classes has one other class for a median. A
    search may end in a poor minimum: another seed is another chance. On images much smaller than
    28 x 28, where the null was measured, masks differ less and less is found.

    Needs `victim` and `rows` with `pixels`.

    >>> from foretaste.trained import Subject
    >>> NeuralCleanse().inspect(Subject())
    ()

    References
    ----------
    Wang et al. (2019). Neural Cleanse: Identifying and Mitigating Backdoor Attacks in Neural
    Networks. IEEE S&P. doi:10.1109/SP.2019.00031
    Shen et al. (2021). Backdoor Scanning for Deep Neural Networks through K-Arm Optimization.
    arXiv:2102.05123 (all classes share the effort; hopeless ones are given up)
    """

    alpha: float = 0.05
    images: int = 200
    steps: int = 120
    needs: ClassVar[tuple[str, ...]] = ("victim", "rows")

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.victim is None or subject.rows is None:
            return ()
        rng = np.random.default_rng(subject.seed)
        pixels = images_of(subject.rows, self.images, rng)
        found = inverted(subject.victim, pixels, rng, Search(steps=self.steps))
        scores = halvings(found.norms)
        p_values = CLEAN.p_values(scores, len(scores))
        return tuple(
            Suspicion(
                f"class {subject.rows.class_name(int(code))}",
                gravity(p_values[code]),
                f"a patch of {found.norms[code]:.0f} pixels turns {found.success[code]:.0%} of "
                f"other images into it; the other classes take {np.median(found.norms):.0f}",
                float(scores[code]),
                float(p_values[code]),
                found.picture(int(code)),
            )
            for code in np.flatnonzero(p_values <= self.alpha)
        )
