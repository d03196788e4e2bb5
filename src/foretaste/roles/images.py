"""Images in a column: bytes, structs of bytes and path, or paths to files beside the data."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from foretaste.data import Floats
from foretaste.errors import ForetasteError, WrongRole
from foretaste.roles.columns import Values, listed

MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"P4", b"P5", b"P6", b"II*\0", b"MM\0*")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp", ".tif", ".tiff")
LARGEST = 64 << 20  # bytes of a file


class Beside(Protocol):
    """What stands beside the data, and a judge of image files."""

    def read(self, name: str, limit: int) -> bytes: ...

    def fault(self, image: bytes) -> str: ...


def looks_like_image(values: Sequence[Any]) -> bool:
    """Whether nearly all there is are images, or paths to some."""
    there = [value for value in values if value is not None]
    return bool(there) and sum(map(_is_image, there)) >= 0.8 * len(there)


def images(values: Values, beside: Beside) -> tuple[pa.Array, dict[int, str]]:
    """The encoded image of each row, and why some are none."""
    if isinstance(values, pa.FixedShapeTensorArray):
        return values, {}
    found: list[bytes | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(listed(values)):
        try:
            found.append(_bytes(value, beside))
        except (OSError, ValueError, ForetasteError) as error:
            bad[row] = f"image: {error}"[:200]
            found.append(None)
    return pa.array(found, pa.large_binary()), bad


def squares(pixels: Sequence[Floats]) -> tuple[pa.Array, dict[int, str]]:
    """Square grey images whose pixels stand in a column each; rows that lack one are bad."""
    side = isqrt(len(pixels))
    if side * side != len(pixels):
        raise WrongRole(f"role image: {len(pixels)} columns are no square of pixels")
    table = np.stack(pixels, axis=1)
    bad = np.flatnonzero(~((table >= 0) & (table <= 255)).all(axis=1))
    table[bad] = 0
    grey = np.ascontiguousarray(table.astype(np.uint8).reshape(-1, side, side, 1))
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(grey)
    return column, {int(row): "image: a pixel is missing or not 0 to 255" for row in bad}


def _is_image(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    if isinstance(value, dict):
        return "bytes" in value and "path" in value
    if isinstance(value, bytes):
        return value.startswith(MAGIC) or value[8:12] == b"WEBP"
    return isinstance(value, str) and value.lower().endswith(SUFFIXES) and len(value) < 1_000


def _bytes(value: Any, beside: Beside) -> bytes | None:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value:
        value = beside.read(value, LARGEST)
    if not value:
        return None
    if not isinstance(value, bytes):
        raise ValueError(f"a {type(value).__name__}, where an image was wanted")
    if fault := beside.fault(value):
        raise ValueError(fault)
    return value
