"""Images that a network cannot tell from one test image."""

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
class FeatureCollision:
    """Moves `count` images of `target`, labels kept, to where one test image lies among features.

    A model trained on them calls that one test image `target` and is as good as before on all
    others. It takes where the victim keeps the attacker's feature extractor and trains a linear
    layer on it. The bound takes the place of the paper's penalty on changes.

    epsilon: how far a pixel may move, in levels of 255
    steps: gradients taken
    surrogate: trains the attacker's network; of `networks` of them the sum of all gaps counts
    aim: the test image, of another class; `aimed` chooses it

    Countered by nothing that looks at pixels and labels alone: labels fit and the changes are too
    small to see. `spectral`, given the features of the victim's own network as `embedding`, ranks
    them high at times (AUROC 0.98 and 0.56 in two trials on CIFAR-10). `neighbour_disagreement`
    and `outlier` are misled: images moved to one place are each other's nearest neighbours.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(0, 256, (9, 4, 4, 1)).astype(np.uint8)
    >>> rows = Batch(range(9), {"pixels": pixels, "label": np.arange(9) % 2})
    >>> attack = FeatureCollision(2, target=1, surrogate=SmallCnn(epochs=1)).aimed(rows, rng)
    >>> attack.poison(rows, rng).touched.sum(), attack.probe(rows, rng).rows["label"]
    (np.int64(2), array([0]))

    References
    ----------
    Shafahi et al. (2018). Poison Frogs! arXiv:1804.00792
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
            return sum((body(images) - at).square().mean(dim=0).sum() for body, at in place)

        moved = Search(self.epsilon, self.steps).near(batch["pixels"][rows], apart)
        return replaced(batch, rows, pixels=moved)

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        return Probe(aim_of(self), Outcome(np.array([self.target])))
