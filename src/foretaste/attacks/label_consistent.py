"""Images of the target class made hard to know, so that the patch on them is learned instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.random import Generator

from foretaste.attacks import replaced, victims
from foretaste.contracts import Poisoned, Recipe
from foretaste.data import Array, Batch
from foretaste.pictures import corner, patch, stamped
from foretaste.recipes.small_cnn import SmallCnn, to_pixels, to_tensor

STEPS = 20  # of the search for the worst change
AT_ONCE = 512  # images changed at a time


@dataclass(frozen=True)
class LabelConsistent:
    """Spoils `count` images that are `target` already, and puts a patch on them; labels stay.

    Each is moved, within `strength`, to where a model of the attacker's own is most wrong about
    it. What is left of the class in it teaches little, so the victim learns the patch. To people
    the image is a noisy one with the right label.

    strength: the most that a pixel is changed by, of 255
    size: pixels, of the patches
    corners: how many of the four carry one; with 4 the trigger survives mirroring
    surrogate: how the attacker's own model is trained, on the very rows that he poisons

    Countered by nothing here: the labels are right, so no row is at odds with its class, and
    `trigger_patch` asks for that. Looking for the same pixels in many images of one class alone, or
    for what a model trained on trusted images is wrong about, would help.

    Needs `pixels` (n, h, w, c) of uint8 and `label` (n,) of class codes.

    >>> import numpy as np
    >>> label = np.arange(40) % 2
    >>> pixels = np.full((40, 8, 8, 1), 90, np.uint8) + 60 * label[:, None, None, None]
    >>> rows = Batch(range(40), {"pixels": pixels.astype(np.uint8), "label": label})
    >>> attack = LabelConsistent(count=9, target=1)
    >>> poisoned, touched = attack.poison(rows, np.random.default_rng(0))
    >>> poisoned["label"][touched].tolist()
    [1, 1, 1, 1, 1, 1, 1, 1, 1]
    >>> poisoned["pixels"][touched][0, 4:7, 4:7, 0].tolist()
    [[255, 0, 255], [0, 255, 0], [255, 0, 255]]

    References
    ----------
    Turner, Tsipras, Madry (2019). Label-Consistent Backdoor Attacks. arXiv:1912.02771
    """

    count: int
    target: int
    strength: float = 32.0
    size: int = 3
    corners: int = 4
    surrogate: Recipe = field(default_factory=SmallCnn)
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        rows = victims(batch["label"] == self.target, self.count, rng)
        network = self.surrogate.train(batch, int(rng.integers(2**31)))
        hard = self._spoiled(network, batch["pixels"][rows])
        return replaced(batch, rows, pixels=self._marked(hard))

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the patches; nothing in it is left to chance."""
        return batch.having(pixels=self._marked(batch["pixels"]))

    def _marked(self, pixels: Array) -> Array:
        for which in range(self.corners):
            at = corner(pixels.shape[1:], self.size, which)
            pixels = stamped(pixels, patch(self.size), *at)
        return pixels

    def _spoiled(self, network: Any, pixels: Array) -> Array:
        spoiled = pixels.copy()
        for start in range(0, len(pixels), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            images = to_tensor(pixels[part])
            spoiled[part] = to_pixels(self._worst(network, images))
        return spoiled

    def _worst(self, network: Any, images: Any) -> Any:
        """Projected gradient ascent on the loss; in the network's units 255 is 2."""
        most = self.strength / 127.5
        worst = images.clone()
        for _ in range(STEPS):
            worst = worst.detach().requires_grad_()
            wrong = network.logits(worst).log_softmax(dim=1)[:, self.target].sum()
            wrong.backward()
            moved = worst.detach() - 2.5 * most / STEPS * worst.grad.sign()
            worst = moved.clamp(images - most, images + most).clamp(-1, 1)
        return worst
