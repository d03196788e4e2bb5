"""What explanations of pictures share: blurring, the part that tells most, a part taken out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from foretaste.data import Array, Mask

DETAIL = 9  # pixels: what is smaller than about half of it is gone from a blurred picture
TELLING = 0.3  # of the strongest relevance: what belongs to the telling part
RED, BLUE = (211, 47, 30), (30, 96, 200)  # speaks for the class, speaks against it
LARGEST = 0.15  # share of a picture that can be its telling part


def blurred(images: Any, side: int = DETAIL) -> Any:
    """(n, c, h, w) means over squares, at the edges of what there is."""
    from torch.nn.functional import avg_pool2d

    height, width = images.shape[2:]
    odd = min(side, 2 * min(height, width) - 1) | 1
    return avg_pool2d(images, odd, 1, odd // 2, count_include_pad=False)


def pictured(relevance: Any, smooth: int) -> list[Array]:
    """An (h, w) array a row of (n, c, h, w): channels summed, `smooth` pixels averaged."""
    summed = relevance.detach().sum(dim=1, keepdim=True)
    soft = summed if smooth <= 1 else blurred(summed, smooth)
    return list(soft[:, 0].double().numpy())


def telling(relevance: Array) -> Mask:
    """(h, w) the part of a picture that speaks most for the class.

    >>> telling(np.array([[0.0, 9.0, 8.0], [-9.0, 1.0, 0.0], [0.0] * 3, [0.0] * 3])).sum().item()
    1
    """
    strongest = float(relevance.max(initial=0.0))
    most = max(1, int(LARGEST * relevance.size))
    least = np.sort(relevance, axis=None)[-most]
    return (relevance > 0) & (relevance >= max(TELLING * strongest, least))


def without(pixels: Array, part: Mask) -> Array:
    """(h, w, c) uint8 with a part filled from what is around it."""
    import torch

    image = torch.from_numpy(np.moveaxis(pixels, -1, 0).astype(np.float32))[None]
    seen = torch.from_numpy(~part).float()[None, None]
    side = DETAIL
    around, weight = blurred(image * seen, side), blurred(seen, side)
    while float(weight.min()) <= 0 and side < 2 * max(part.shape):
        side *= 2
        around, weight = blurred(image * seen, side), blurred(seen, side)
    filled = (around / weight.clamp(min=1e-6))[0].permute(1, 2, 0).numpy().round()
    kept: Array = np.where(part[..., None], filled.clip(0, 255).astype(np.uint8), pixels)
    return kept


def overlay(relevance: Array) -> Array:
    """(h, w, 4) uint8 to lie over a picture: red speaks for the class, blue against, else clear.

    >>> overlay(np.array([[2.0, 0.0, -1.0]]))[0, :, 3].tolist()
    [225, 0, 112]
    """
    strength = relevance / max(float(np.abs(relevance).max(initial=0.0)), 1e-12)
    colour = np.where(strength[..., None] > 0, RED, BLUE)
    return np.dstack([colour, np.abs(strength) * 225]).astype(np.uint8)


def png(pixels: Array) -> bytes:
    """An image (h, w, c) of uint8 as a file: grey, in colour, or with transparency."""
    from PIL import Image

    channels = pixels.shape[-1]
    image = Image.fromarray(pixels[..., 0] if channels < 3 else pixels[..., : min(channels, 4)])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
