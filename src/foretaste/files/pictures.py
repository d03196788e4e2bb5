"""Image files: which there are, and whether one can be decoded."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from foretaste.data import Array
from foretaste.errors import BadInput

SUFFIXES = frozenset(
    ".png .jpg .jpeg .jpe .jfif .ppm .pgm .pbm .pnm .bmp .webp .gif .tif .tiff".split()
)
FORMATS = ("PNG", "JPEG", "PPM", "BMP", "WEBP", "GIF", "TIFF")
LARGEST_PIXELS = 89_478_485  # a quarter of a gigabyte of RGB


def is_picture(name: str) -> bool:
    """Whether a file's name says it is an image.

    >>> is_picture("cats/1.JPG"), is_picture("notes.txt")
    (True, False)
    """
    dot = name.rfind(".")
    return dot > name.rfind("/") and name[dot:].lower() in SUFFIXES


def fault(data: bytes, largest_pixels: int = LARGEST_PIXELS) -> str:
    """Why an image file cannot be used; empty where it can.

    The size is judged from the header; only then is the whole file decoded, JPEG at an eighth
    of its scale, which still walks every byte. Of an animation the first frame counts.

    >>> fault(b""), fault(b"GIF89a")
    ('empty file', 'broken image: cannot be identified')
    """
    if not data:
        return "empty file"
    try:
        with Image.open(io.BytesIO(data), "r", FORMATS) as image:
            width, height = image.size
            if width * height > largest_pixels:
                return f"{width}×{height} pixels, more than the {largest_pixels} allowed"
            image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return f"too many pixels: {error}"
    except UnidentifiedImageError:
        return "broken image: cannot be identified"
    except Exception as error:  # noqa: BLE001  whatever a decoder dies of is the file's fault
        return f"broken image: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return ""


_EXACT: dict[str, dict[str, Any]] = {
    "PNG": {}, "BMP": {}, "PPM": {}, "TIFF": {}, "WEBP": {"lossless": True, "quality": 80},
}  # fmt: skip
_NEARLY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "GIF": {}}


def decoded(file: bytes, channels: int) -> Array:
    """(h, w, c) uint8 of an image file, grey or in colour.

    >>> decoded(encoded(np.full((2, 3, 1), 7, np.uint8), b""), 3).shape
    (2, 3, 3)
    """
    with Image.open(io.BytesIO(file), "r", FORMATS) as image:
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels.reshape(*pixels.shape[:2], channels)


def encoded(pixels: Array, like: bytes) -> bytes:
    """An image file of those pixels, in the format of another; what is transparent stays so.

    What a camera wrote beside the pixels, such as which side is up, is kept.

    pixels: (h, w, c) of uint8, c = 1 or 3

    JPEG is written at its best quality, which moves pixels by a little.

    >>> file = encoded(np.full((2, 2, 1), 7, np.uint8), encoded(np.zeros((1, 1, 3), np.uint8), b""))
    >>> np.asarray(Image.open(io.BytesIO(file))).tolist()
    [[7, 7], [7, 7]]
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    kind, kept = "PNG", {}
    if like:
        with Image.open(io.BytesIO(like), "r", FORMATS) as old:
            kind = "JPEG" if old.format == "MPO" else str(old.format)
            if old.mode in ("RGBA", "LA") and old.size == image.size:
                image.putalpha(old.getchannel("A"))
            known = ("exif", "icc_profile") if old.mode == image.mode else ("exif",)
            kept = {name: old.info[name] for name in known if old.info.get(name)}
    out = io.BytesIO()
    try:
        image.save(out, kind, **{**_EXACT, **_NEARLY}[kind], **kept)
    except (OSError, KeyError) as error:
        raise BadInput(f"an image cannot be written as {kind}: {error}") from error
    return out.getvalue()
