"""The smallest picture that, added to any image, turns it into a class: for triggers all over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretaste.data import Array
from foretaste.inversion import Search, images_of, smallest
from foretaste.standing_out import Gumbel, gravity, halvings
from foretaste.trained import Subject, Suspicion

CLEAN = Gumbel(0.47, 0.27)  # of clean models: benchmarks/results/inversion.md


@dataclass(frozen=True)
class UniversalPerturbation:
    """Suspects classes that a far fainter picture, laid over images, leads to than to the others.

    For all classes at once it searches for the shortest picture (Euclidean, white less black is 1)
    that, added to images of other classes, turns them into that class. Triggers that fill the
    image, blended, low in frequency or waves, are short in that sense where no small patch is.
    The score is how many times the median length of the other classes has to be halved to be as
    short; the p-value is how often the shortest of a clean model is so short, measured on clean
    models. The picture is what is added, around grey, as strong as can be shown.

    alpha:  a class is suspected at this p-value or below; at 0.01 it is critical
    images: how many of the rows are searched with
    steps:  of the search

    Blind to warps and to triggers that are another picture in each image, as far as no one picture
    does the same; to backdoors where most classes are targets; and to those where an image's own
    class decides what the trigger means. A model of two classes has one other class for a median.

    Needs `victim` and `rows` with `pixels`.

    >>> from foretaste.trained import Subject
    >>> UniversalPerturbation().inspect(Subject())
    ()

    References
    ----------
    Wang et al. (2020). Practical Detection of Trojan Neural Networks: Data-Limited and Data-Free
    Cases. arXiv:2007.15802 (universal perturbations; here one norm for each class)
    Moosavi-Dezfooli et al. (2017). Universal adversarial perturbations. arXiv:1610.08401
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
        found = smallest(subject.victim, pixels, rng, Search("overlay", self.steps))
        scores = halvings(found.norms)
        p_values = CLEAN.p_values(scores, len(scores))
        return tuple(
            Suspicion(
                f"class {subject.rows.class_name(int(code))}",
                gravity(p_values[code]),
                f"adding one picture of length {found.norms[code]:.1f} turns "
                f"{found.success[code]:.0%} of other images into it; the other classes take "
                f"{np.median(found.norms):.1f}",
                float(scores[code]),
                float(p_values[code]),
                _shown(found.places["added"][code]),
            )
            for code in np.flatnonzero(p_values <= self.alpha)
        )


def _shown(added: Any) -> Array:
    """(h, w, c) uint8 of (c, h, w), no change as grey."""
    picture = np.moveaxis(added.numpy(), 0, -1)
    return np.rint(127.5 + 127.5 * picture / max(np.abs(picture).max(), 1e-9)).astype(np.uint8)
