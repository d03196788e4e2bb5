"""Pixels into a file of the format, and with the extras, of another."""

import io

import numpy as np
import pytest
from PIL import Image

from foretaste.errors import BadInput
from foretaste.files.pictures import decoded, encoded

RGB = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def file(kind, mode="RGB", **how):
    out = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF", "WEBP"])
@pytest.mark.parametrize("channels", [1, 3])
def test_formats_without_loss_keep_every_pixel(kind, channels):
    pixels = RGB[..., :channels]
    made = encoded(pixels, file(kind))
    assert Image.open(io.BytesIO(made)).format == kind
    assert np.array_equal(decoded(made, channels), pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_stays_so(mode):
    image = Image.fromarray(RGB).convert(mode)
    image.putalpha(Image.fromarray(RGB[..., 1]))
    out = io.BytesIO()
    image.save(out, "PNG")
    made = Image.open(io.BytesIO(encoded(RGB[::-1], out.getvalue())))
    assert np.array_equal(np.asarray(made.getchannel("A")), RGB[..., 1])
    assert np.array_equal(np.asarray(made.convert("RGB")), RGB[::-1])


def test_which_side_is_up_is_kept():
    exif = Image.Exif()
    exif[0x0112] = 6
    made = encoded(RGB, file("JPEG", exif=exif, icc_profile=b"profile"))
    image = Image.open(io.BytesIO(made))
    assert (image.format, image.getexif()[0x0112]) == ("JPEG", 6)
    assert image.info["icc_profile"] == b"profile"


def test_what_a_format_cannot_hold_is_an_error():
    with pytest.raises(BadInput, match="cannot be written as JPEG"):
        encoded(np.zeros((70_000, 1, 1), np.uint8), file("JPEG"))
