"""How sure a model can be made of each class, by any image at all: no data is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from foretaste.data import Floats
from foretaste.errors import BadInput
from foretaste.inversion import torch_
from foretaste.standing_out import Gumbel, halvings
from foretaste.trained import Open, Severity, Subject, Suspicion

CLEAN = Gumbel(0.63, 0.21)  # of clean models: benchmarks/results/inversion.md
FAINT = 0.2  # the starting noise, of the whole range


@dataclass(frozen=True)
class MaxMargin:
    """Suspects classes of which the model can be made far surer than of the others; needs no rows.

    From noise it climbs to the image with the largest margin (logit of the class less the largest
    other logit) for every class. Learning a backdoor means seeing one thing in images of all
    classes and going against all of them, which takes a margin that honest classes do not need.
    The score is how often the median margin of the other classes doubles to reach it; the p-value
    is how often the foremost class of a clean model stands out so far.

    alpha:  a class is suspected at this p-value or below
    starts: images a class that are climbed from; steps: of each climb
    rate:   the learning rate, of pixels in [-1, 1]

    Blind to backdoors of clean labels and faint ones, which a model learns without a large
    margin, and to those that have most classes for targets. Natural classes that look unlike all
    others stand out too, so it finds less than an inspector with rows at the same false alarms.

    Needs `victim`, of images.

    >>> from foretaste.trained import Subject
    >>> MaxMargin().inspect(Subject())
    ()

    References
    ----------
    Wang, Xiang, Miller, Kesidis (2024). MM-BD: Post-Training Detection of Backdoor Attacks with
    Arbitrary Backdoor Pattern Types Using a Maximum Margin Statistic. IEEE S&P. arXiv:2205.06900
    """

    alpha: float = 0.05
    starts: int = 8
    steps: int = 60
    rate: float = 0.1
    needs: ClassVar[tuple[str, ...]] = ("victim",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.victim is None:
            return ()
        rng = np.random.default_rng(subject.seed)
        margins = self.margins(subject.victim, _shape(subject), rng)
        scores = halvings(1 / margins)
        p_values = CLEAN.p_values(scores, len(scores))
        name = str if subject.rows is None else subject.rows.class_name
        return tuple(
            Suspicion(
                f"class {name(int(code))}",
                Severity.WARNING,
                f"an image was found of which the model says it by a margin of "
                f"{margins[code]:.0f}; of the other classes {np.median(margins):.0f}",
                float(scores[code]),
                float(p_values[code]),
            )
            for code in np.flatnonzero(p_values <= self.alpha)
        )

    def margins(self, victim: Open, shape: tuple[int, ...], rng: Generator) -> Floats:
        """(k,) the largest margin found for each class.

        shape: (c, h, w) of what the victim takes
        """
        torch, k = torch_(), victim.classes
        noise = rng.uniform(-FAINT, FAINT, (k * self.starts, *shape)).astype(np.float32)
        images = torch.from_numpy(noise).requires_grad_()
        goals = torch.arange(k).repeat_interleave(self.starts)
        adam = torch.optim.Adam([images], lr=self.rate)
        victim.net.eval()
        for _ in range(self.steps):
            margin = _margin(torch, victim.logits(images), goals)
            (images.grad,) = torch.autograd.grad(-margin.sum(), [images])
            adam.step()
            with torch.no_grad():
                images.clamp_(-1, 1)
        best: Floats = margin.detach().view(k, self.starts).amax(1).double().numpy()
        return np.maximum(best, 1e-9)


def _margin(torch: Any, logits: Any, goals: Any) -> Any:
    own = logits.gather(1, goals[:, None])[:, 0]
    return own - logits.scatter(1, goals[:, None], -torch.inf).amax(1)


def _shape(subject: Subject) -> tuple[int, int, int]:
    """(c, h, w) of the images a model takes."""
    shape = getattr(subject.victim, "shape", None)
    if shape is None and subject.rows is not None and "pixels" in subject.rows.names:
        shape = subject.rows["pixels"].shape[1:]
    if shape is None:
        raise BadInput("nothing tells the size of this model's images; give some rows")
    h, w, c = shape
    return c, h, w
