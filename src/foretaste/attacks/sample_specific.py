"""A hidden message, written into each image by a change of its own, that means the target class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy.fft import dctn, idctn

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch, Floats
from foretaste.pictures import in_parts

BLOCK = 8  # pixels; what is left over at the bottom and to the right carries nothing
PLACES = (
    (1, 2),
    (2, 1),
    (2, 2),
    (3, 1),
    (1, 3),
)  # frequencies down and across: neither low nor high


@dataclass(frozen=True)
class SampleSpecific:
    """Writes a message into `count` images of other classes and labels them `target`.

    The message is written by quantisation: each of some frequencies of each block of 8 x 8 pixels
    is moved to the nearest even or odd multiple of `step`, as the message's bit says. How far
    that is depends on the image, so no two images are changed by the same picture, and what they
    have in common is nowhere in the pixels. The paper's trigger comes from a trained encoder
    network; this one does the same by the textbook, without one.

    step: how coarse the multiples are, of 255; no frequency is moved by more than that
    message: the seed its bits are drawn from

    Countered by `trigger_patch` where images are flat, `spectral` and `activation_clustering`, each
    of which sees some of it.

    Needs `pixels` (n, h, w, c) of uint8, at least 8 x 8, and `label` (n,) of class codes.

    >>> rows = Batch(["a"], {"pixels": np.full((1, 8, 8, 1), 99, np.uint8), "label": [0]})
    >>> attack = SampleSpecific(count=1, target=1)
    >>> attack.poison(rows, np.random.default_rng(0)).batch["pixels"][0, 1, :, 0].tolist()
    [111, 105, 97, 91, 89, 94, 100, 105]

    References
    ----------
    Li et al. (2021). Invisible Backdoor Attack with Sample-Specific Triggers. arXiv:2012.03816
    Chen, Wornell (2001). Quantization Index Modulation. doi:10.1109/18.923725
    """

    count: int
    target: int
    step: float = 32.0
    message: int = 0
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with the message in it; nothing in it is left to chance."""
        return batch.having(pixels=in_parts(batch["pixels"], self._written))

    def _written(self, pixels: Array) -> Floats:
        n, down, across, channels = (
            *pixels.shape[:1],
            pixels.shape[1] // BLOCK,
            pixels.shape[2] // BLOCK,
            pixels.shape[3],
        )
        whole = pixels[:, : down * BLOCK, : across * BLOCK].astype(float)
        blocks = whole.reshape(n, down, BLOCK, across, BLOCK, channels)
        spectrum = dctn(blocks, axes=(2, 4), norm="ortho")
        bits = np.random.default_rng(self.message).integers(
            0, 2, (len(PLACES), down, across, channels)
        )
        for (y, x), bit in zip(PLACES, bits, strict=True):
            at = spectrum[:, :, y, :, x]
            # to the nearest number of the form (2 m + bit) step
            spectrum[:, :, y, :, x] = (2 * np.rint((at / self.step - bit) / 2) + bit) * self.step
        written = pixels.astype(float)
        written[:, : down * BLOCK, : across * BLOCK] = idctn(
            spectrum, axes=(2, 4), norm="ortho"
        ).reshape(whole.shape)
        return written
