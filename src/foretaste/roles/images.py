"""Images in a column: bytes, structs of bytes and path, or paths; checked without unpacking."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from PIL import Image

from foretaste.errors import ForetasteError
from foretaste.roles.columns import Values

MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"P4", b"P5", b"P6", b"II*\0", b"MM\0*")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP", "TIFF")
LARGEST = 64 << 20  # bytes of a file
PIXELS = 100_000_000

Load = Callable[[str, int], bytes]


def looks_like_image(values: Sequence[Any]) -> bool:
    """Whether nearly all there is are images, or paths to some."""
    there = [value for value in values if value is not None]
    return bool(there) and sum(map(_is_image, there)) >= 0.8 * len(there)


def images(values: Values, load: Load) -> tuple[pa.Array, dict[int, str]]:
    """The encoded image of each row, and why some are none."""
    found: list[bytes | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values.to_pylist() if isinstance(values, pa.Array) else values):
        try:
            found.append(_bytes(value, load))
        except (OSError, ValueError, ForetasteError, Image.DecompressionBombError) as error:
            bad[row] = f"image: {error}"[:200]
            found.append(None)
    return pa.array(found, pa.large_binary()), bad


def _is_image(value: Any) -> bool:
    if isinstance(value, dict):
        return "bytes" in value and "path" in value
    if isinstance(value, bytes):
        return value.startswith(MAGIC) or value[8:12] == b"WEBP"
    return isinstance(value, str) and value.lower().endswith(SUFFIXES) and len(value) < 1_000


def _bytes(value: Any, load: Load) -> bytes | None:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value:
        value = load(value, LARGEST)
    if not value:
        return None
    if not isinstance(value, bytes):
        raise ValueError(f"a {type(value).__name__}, where an image was wanted")
    with Image.open(io.BytesIO(value), formats=FORMATS) as image:
        if image.width * image.height > PIXELS:
            raise ValueError(f"{image.width} × {image.height} pixels are too many")
    return value
