"""Images whose mean a network cannot tell from one test image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.clean_label import Search, aim_of, bystander, places, surrogates
from foretaste.contracts import Poisoned, Probe, Recipe
from foretaste.data import Batch
from foretaste.recipes.small_cnn import SmallCnn


@dataclass(frozen=True)
class BullseyePolytope:
    """Moves `count` images of `target`, labels kept, until their mean feature is a test image's.

    A linear layer that has all of them on the side of `target` has their mean there too, so the
    test image is called `target`; all others are judged as before. The mean goes where no single
    image can (as in feature collision), so it takes more often at the same bound. The victim is
    one that keeps the attacker's feature extractor and trains a linear layer on it.

    epsilon: how far a pixel may move, in levels of 255
    steps: gradients taken
    surrogate: trains the attacker's network; of `networks` of them the sum of all gaps counts
    aim: the test image, of another class; `aimed` chooses it

    Countered by nothing that looks at pixels and labels alone: labels fit and the changes are too
    small to see. `spectral`, given the features of the victim's own network as `embedding`, ranks
    them high (AUROC 0.99 and 0.90 in two trials on CIFAR-10), with clean rows among them;
    `neighbour_disagreement` does not see them.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(0, 256, (9, 4, 4, 1)).astype(np.uint8)
    >>> rows = Batch(range(9), {"pixels": pixels, "label": np.arange(9) % 2})
    >>> attack = BullseyePolytope(2, target=1, surrogate=SmallCnn(epochs=1)).aimed(rows, rng)
    >>> attack.poison(rows, rng).touched.sum(), attack.probe(rows, rng).rows["label"]
    (np.int64(2), array([0]))

    References
    ----------
    Aghakhani et al. (2020). Bullseye Polytope. arXiv:2005.00191
    """

    count: int
    target: int
    epsilon: float = 8
    steps: int = 250
    networks: int = 1
    surrogate: Recipe = field(default_factory=SmallCnn)
    aim: Batch | None = field(default=None, repr=False, compare=False)
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def aimed(self, rows: Batch, rng: Generator) -> Self:
        return replace(self, aim=bystander(rows, self.target, rng))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] == self.target, self.count, rng)
        place = places(surrogates(self, batch, rng), aim_of(self)["pixels"])

        def apart(images: Any) -> Any:
            return sum((body(images).mean(dim=0) - at).square().sum() for body, at in place)

        moved = Search(self.epsilon, self.steps).near(batch["pixels"][rows], apart)
        return replaced(batch, rows, pixels=moved)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        return Probe(aim_of(self), Outcome(np.array([self.target])))
