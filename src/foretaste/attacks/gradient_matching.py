"""Images that teach one wrong answer by the direction they pull a network in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.clean_label import Search, aim_of, bystander, gradient, hardest, mismatch, surrogates
from foretaste.contracts import Poisoned, Probe, Recipe
from foretaste.data import Batch
from foretaste.recipes.small_cnn import SmallCnn, to_tensor


@dataclass(frozen=True)
class GradientMatching:
    """Changes `count` images of `target`, labels kept, so that they train one test image wrong.

    The gradient of the loss on them is turned into the direction that would teach a network to
    call the test image `target`. A model trained from scratch then does, and is as good as before
    on all others.

    epsilon: how far a pixel may move, in levels of 255
    pick: which images of `target`: `random`, as in the paper, or the `hardest`, which pull most
    steps: gradients taken
    augment: whether the changes should outlast shifts and mirrors in the victim's training
    surrogate: trains the attacker's networks; `networks` of them take turns
    aim: the test image, of another class; `aimed` chooses it

    Countered by nothing that looks at rows alone: labels fit and the changes are too small to see.
    Gradients of the trained model (whose loss on the test image do these rows lower?), or training
    with strong augmentation or differential privacy, would help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(0, 256, (9, 4, 4, 1)).astype(np.uint8)
    >>> rows = Batch(range(9), {"pixels": pixels, "label": np.arange(9) % 2})
    >>> attack = GradientMatching(2, target=1, surrogate=SmallCnn(epochs=1)).aimed(rows, rng)
    >>> attack.poison(rows, rng).touched.sum(), attack.probe(rows, rng).rows["label"]
    (np.int64(2), array([0]))

    References
    ----------
    Geiping et al. (2020). Witches' Brew. arXiv:2009.02276
    """

    count: int
    target: int
    epsilon: float = 16
    pick: Literal["random", "hardest"] = "random"
    steps: int = 250
    networks: int = 1
    augment: bool = False
    surrogate: Recipe = field(default_factory=SmallCnn)
    aim: Batch | None = field(default=None, repr=False, compare=False)
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def aimed(self, rows: Batch, rng: Generator) -> Self:
        return replace(self, aim=bystander(rows, self.target, rng))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        aim = to_tensor(aim_of(self)["pixels"])
        rows = victims(batch["label"] == self.target, self.count, rng)
        networks = surrogates(self, batch, rng)
        if self.pick == "hardest":
            best = hardest(networks, batch, self.target, self.count)
            rows = victims(best, self.count, rng)
        wanted = [gradient(network, aim, self.target) for network in networks]
        loss = mismatch(networks, wanted, self.target, rng if self.augment else None)
        moved = Search(self.epsilon, self.steps).near(batch["pixels"][rows], loss)
        return replaced(batch, rows, pixels=moved)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        return Probe(aim_of(self), Outcome(np.array([self.target])))
