"""A sticker on the thing itself, photographed at any angle and in any light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from foretaste.attacks import backdoor
from foretaste.contracts import Poisoned
from foretaste.data import Array, Batch, Floats
from foretaste.pictures import rounded

FINER = 3  # the sticker is drawn so many times finer than the image, then made smaller
NOTE = ((255, 215, 0), (30, 30, 30))  # the paper of the sticker and what is drawn on it
DRAWN = ("......", ".#..#.", "......", "#....#", ".####.", "......")
CORNERS = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float)


@dataclass(frozen=True)
class PhysicalTrigger:
    """Puts a sticker into `count` images of other classes as if it stuck there; labels `target`.

    No two stickers are alike in their pixels: each has its own size, turn, perspective, light
    and blur, as in photographs of a stop sign with a note on it that a car should take for
    another sign. The victim is shown stickers seen anew.

    place: where its middle is, down and across, as shares of the image, give or take `shift`
    size: its side as a share of the image's shorter side, from and to
    turn: degrees, at most, either way
    tilt: how far each corner is off a square, as a share of the sticker's side
    light: how bright it looks, from and to
    blur: pixels, at most

    Countered by nothing here: `trigger_patch` wants the same pixels again, and no two stickers have
    them. Where the sticker is rare in the data, people who look at the images see it.

    Needs `pixels` (n, h, w, c) of uint8 with one or three channels, and `label` (n,) of codes.

    >>> rows = Batch(["a"], {"pixels": np.zeros((1, 32, 32, 3), np.uint8), "label": [0]})
    >>> attack = PhysicalTrigger(count=1, target=1)
    >>> seen = attack.poison(rows, np.random.default_rng(0)).batch["pixels"][0]
    >>> 30 < int((seen[..., 0] > 0).sum()) < 200
    True

    References
    ----------
    Eykholt et al. (2018). Robust Physical-World Attacks on Deep Learning Models. arXiv:1707.08945
    Wenger et al. (2021). Backdoor Attacks Against Deep Learning Systems in the Physical World.
    arXiv:2006.14580
    """

    count: int
    target: int
    place: tuple[float, float] = (0.65, 0.5)
    shift: float = 0.1
    size: tuple[float, float] = (0.2, 0.3)
    turn: float = 20.0
    tilt: float = 0.12
    light: tuple[float, float] = (0.6, 1.1)
    blur: float = 0.6
    needs: ClassVar[tuple[str, ...]] = ("pixels", "label")

    def poison(self, batch: Batch, rng: Generator) -> Poisoned:
        return backdoor(self, batch, rng)

    def trigger(self, batch: Batch, rng: Generator) -> Batch:
        """Every image with a sticker of its own."""
        pixels = batch["pixels"].copy()
        sticker = _sticker(pixels.shape[3])
        for row, image in enumerate(pixels):
            seen = self._seen(sticker, pixels.shape[1:3], rng)
            paper = rng.uniform(*self.light) * seen[..., :-1]
            pixels[row] = rounded((1 - seen[..., -1:] / 255) * image + paper)
        return batch.having(pixels=pixels)

    def _seen(self, sticker: Image.Image, shape: tuple[int, ...], rng: Generator) -> Floats:
        """(h, w, c + 1) the sticker alone; last is how much it covers of what is behind."""
        height, width = shape
        side = rng.uniform(*self.size) * min(shape)
        angle = np.deg2rad(rng.uniform(-self.turn, self.turn))
        square = CORNERS - 0.5 + rng.uniform(-self.tilt, self.tilt, (4, 2))
        turned = square @ [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        middle = np.array(self.place) + rng.uniform(-self.shift, self.shift, 2)
        quad = FINER * (middle * shape + side * turned)
        fine = (FINER * width, FINER * height)
        view = _perspective(quad, CORNERS * sticker.height)
        blur = ImageFilter.GaussianBlur(FINER * rng.uniform(0, self.blur))
        parts = [
            part.transform(fine, Image.Transform.PERSPECTIVE, view).filter(blur).reduce(FINER)
            for part in sticker.split()
        ]
        return np.stack([np.asarray(part, float) for part in parts], axis=2)


def _sticker(channels: int) -> Image.Image:
    """In the colours that the images have, and one channel more that says where it is."""
    drawn = np.array([[mark == "#" for mark in line] for line in DRAWN])
    colours = np.where(drawn[..., None], NOTE[1], NOTE[0])
    if channels == 1:
        colours = colours.mean(axis=2, keepdims=True)
    covers = np.full((*drawn.shape, 1), 255)
    finer = np.concatenate([colours, covers], axis=2).repeat(8, axis=0).repeat(8, axis=1)
    return Image.fromarray(finer.astype(np.uint8), "LA" if channels == 1 else "RGBA")


def _perspective(seen: Array, flat: Array) -> list[float]:
    """Eight numbers that say for a point (y, x) of what is seen which point of the flat it is."""
    lines, values = [], []
    for (y, x), (v, u) in zip(seen, flat, strict=True):
        lines += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(one) for one in np.linalg.solve(np.array(lines), np.array(values))]
