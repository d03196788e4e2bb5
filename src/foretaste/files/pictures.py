"""Image files: which there are, and whether one can be decoded."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

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
