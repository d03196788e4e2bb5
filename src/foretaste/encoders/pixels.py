"""Encoded image files become arrays of one size."""

from __future__ import annotations

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image

from foretaste.data import Array, Batch

LARGEST_DECODED = 40_000_000  # pixels; a header that promises more is a bomb, not an image
_GREY = ("1", "L", "LA", "I", "F", "I;16")
_BROKEN = (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Sizes:
    """The smallest and the largest height, width and number of channels seen."""

    smallest: tuple[int, ...] | None = None  # (h, w, c)
    largest: tuple[int, ...] | None = None

    @classmethod
    def of(cls, seen: list[tuple[int, ...]]) -> Sizes:
        """Of the sizes (h, w, c) of some images."""
        if not seen:
            return cls()
        return cls(
            tuple(map(min, zip(*seen, strict=True))), tuple(map(max, zip(*seen, strict=True)))
        )

    def merge(self, other: Sizes) -> Sizes:
        both = (self.smallest, self.largest, other.smallest, other.largest)
        return Sizes.of([size for size in both if size])


@dataclass(frozen=True)
class Pixels:
    """Decodes images, all to one size: their own if they share a small one, else fitted.

    `pixels` is (n, h, w, c) uint8, c = 1 where every image is grey, else 3 (a tensor keeps its
    channels). No side is longer than `largest_side`. An image that cannot be decoded is black.

    Needs `image`: encoded files, or an (n, h, w[, c]) uint8 tensor.

    >>> rows = Batch(["a"], {"image": np.full((1, 2, 3), 7, np.uint8)})
    >>> pixels = Pixels()
    >>> pixels.encode(rows, pixels.fit(pixels.summarize(rows)))["pixels"].shape
    (1, 2, 3, 1)
    """

    largest_side: int = 64  # pixels
    threads: int = 2

    needs: ClassVar = ("image",)
    gives: ClassVar = ("pixels",)

    def summarize(self, batch: Batch) -> Sizes:
        if not _are_files(batch):
            return Sizes.of([_with_channels(batch["image"]).shape[1:]] if len(batch) else [])
        found = [_header_size(file) for file in batch["image"]]
        return Sizes.of([size for size in found if size])

    def fit(self, summary: Sizes) -> tuple[int, int, int]:
        """The size (h, w, c) that every image is given."""
        height, width, channels = summary.largest or (1, 1, 1)
        shrink = min(1.0, self.largest_side / max(height, width))
        return max(1, round(height * shrink)), max(1, round(width * shrink)), channels

    def encode(self, batch: Batch, model: tuple[int, int, int]) -> Batch:
        if not _are_files(batch):
            return batch.having(pixels=_fitted(_with_channels(batch["image"]), model))
        with ThreadPoolExecutor(self.threads) as pool:
            images = list(pool.map(lambda file: _decoded(file, model), batch["image"]))
        return batch.having(pixels=np.array(images, np.uint8).reshape(len(images), *model))


def _are_files(batch: Batch) -> bool:
    return not isinstance(batch.arrow("image"), pa.FixedShapeTensorArray)


def _with_channels(images: Array) -> Array:
    return images[..., None] if images.ndim == 3 else images


def _opened(file: bytes) -> Image.Image:
    """Only the header is read; the size is checked before anything is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(file))
    if image.width * image.height > LARGEST_DECODED:
        raise ValueError(f"{image.width} x {image.height} pixels, at most {LARGEST_DECODED}")
    return image


def _header_size(file: bytes | None) -> tuple[int, int, int] | None:
    try:
        image = _opened(file or b"")
    except _BROKEN:
        return None
    return image.height, image.width, 1 if image.mode in _GREY else 3


def _decoded(file: bytes | None, size: tuple[int, int, int]) -> Array:
    height, width, channels = size
    mode = "L" if channels == 1 else "RGB"
    try:
        image = _opened(file or b"")
        image.draft(mode, (2 * width, 2 * height))  # large JPEGs decode at a fraction of the cost
        image = image.convert(mode)
    except _BROKEN:
        return np.zeros(size, np.uint8)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BOX)
    return np.asarray(image, np.uint8).reshape(size)


def _fitted(images: Array, size: tuple[int, int, int]) -> Array:
    """Tensors are shrunk channel by channel, so any number of channels will do."""
    images = images.astype(np.uint8, copy=False)
    if images.shape[1:3] == size[:2] or not len(images):
        return images if len(images) else np.empty((0, *size), np.uint8)
    planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
    box = Image.Resampling.BOX
    small = [np.asarray(Image.fromarray(p).resize((size[1], size[0]), box)) for p in planes]
    return np.moveaxis(np.array(small).reshape(len(images), -1, *size[:2]), 1, -1)
