"""Images that teach a patch which none of them shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator

from foretaste.attacks import Outcome, replaced, victims
from foretaste.clean_label import Search, gradient, hardest, mismatch
from foretaste.contracts import Poisoned, Probe, Recipe
from foretaste.data import Array, Batch
from foretaste.errors import BadInput
from foretaste.pictures import drawn_patch, stamped
from foretaste.recipes.small_cnn import SmallCnn, to_tensor

MOST_SOURCES = 256  # images of the source class that the direction is taken from


@dataclass(frozen=True)
class SleeperAgent:
    """Changes `count` images of `target`, labels kept, so that a patch on `source` means `target`.

    The patch is in no training row. The gradient of the loss on the changed images is turned into
    the direction that would teach a network to call patched images of `source` `target`; the
    images are those that pull hardest, and the attacker's network is trained again on what is
    poisoned so far, `rounds` times in all.

    epsilon: how far a pixel may move, in levels of 255
    size: pixels, of the side of the patch; it comes anywhere in an image
    pattern: the seed that the patch is drawn from
    steps: gradients taken, over all rounds
    augment: whether the changes should outlast shifts and mirrors in the victim's training
    surrogate: trains the attacker's network

    Countered by nothing that looks at rows alone: labels fit, the changes are too small to see and
    the patch is not there. Inspecting the trained model for a patch that turns `source` into
    `target`, or training with strong augmentation or differential privacy, would help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.integers(0, 256, (9, 4, 4, 1)).astype(np.uint8)
    >>> rows = Batch(range(9), {"pixels": pixels, "label": np.arange(9) % 2})
    >>> small = SmallCnn(epochs=1)
    >>> attack = SleeperAgent(2, target=1, source=0, size=2, steps=4, rounds=1, surrogate=small)
    >>> attack.poison(rows, rng).touched.sum(), attack.probe(rows, rng).rows["label"]
    (np.int64(2), array([0, 0, 0, 0, 0]))

    References
    ----------
    Souri et al. (2021). Sleeper Agent. arXiv:2106.08970
    """

    count: int
    target: int
    source: int
    epsilon: float = 16
    size: int = 8
    pattern: int = 0
    steps: int = 250
    rounds: int = 4
    augment: bool = False
    surrogate: Recipe = field(default_factory=SmallCnn)
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    @classmethod
    def drawn(cls, batch: Batch, count: int, target: int | None, rng: Generator) -> Self:
        """Any two classes, and a patch of a quarter of the image's side."""
        classes = np.unique(batch["label"][batch["label"] >= 0])
        wanted = int(rng.choice(classes)) if target is None else target
        source = int(rng.choice(classes[classes != wanted]))
        return cls(count, wanted, source, size=max(2, batch["pixels"].shape[1] // 4))

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        victims(batch["label"] == self.target, self.count, rng)  # are there enough?
        network = self._trained(batch, rng)
        rows = victims(hardest([network], batch, self.target, self.count), self.count, rng)
        given = moved = batch["pixels"][rows]
        search = Search(self.epsilon, max(1, self.steps // self.rounds))
        for past in range(self.rounds):
            if past:
                network = self._trained(replaced(batch, rows, pixels=moved).batch, rng)
            wanted = gradient(network, self._patched_sources(batch, rng), self.target)
            loss = mismatch([network], [wanted], self.target, rng if self.augment else None)
            moved = search.near(given, loss, start=moved)
        return replaced(batch, rows, pixels=moved)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patch somewhere on it."""
        return batch.having(pixels=self._patched(batch["pixels"], rng))

    def probe(self, rows: Batch, rng: Generator) -> Probe:
        """Images of `source` with the patch."""
        shown = self.trigger(rows.take(rows["label"] == self.source), rng)
        return Probe(shown, Outcome(np.full(len(shown), self.target)))

    def _trained(self, batch: Batch, rng: Generator) -> Any:
        return self.surrogate.train(batch, int(rng.integers(2**31)))

    def _patched_sources(self, batch: Batch, rng: Generator) -> Any:
        sources = np.flatnonzero(batch["label"] == self.source)
        if not len(sources):
            raise BadInput(f"no row of the source class {self.source} to put a patch on")
        some = rng.permutation(sources)[:MOST_SOURCES]
        return to_tensor(self._patched(batch["pixels"][some], rng))

    def _patched(self, pixels: Array, rng: Generator) -> Array:
        n, height, width = pixels.shape[:3]
        top = rng.integers(0, height - self.size + 1, n)
        left = rng.integers(0, width - self.size + 1, n)
        return stamped(pixels, drawn_patch(self.size, self.pattern), top, left)
