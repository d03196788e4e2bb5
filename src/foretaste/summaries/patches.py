"""Small pieces of images as numbers: equal pieces have equal keys, wherever they are looked for.

Five views of the same image, each blind where another sees:

placed   3x3 pieces at their place: in four levels of brightness, or exactly where they are flat
coarse   3x3 pieces anywhere, in four levels: survives JPEG
exact    3x3 pieces anywhere, to the last bit: rare in nature
square   flat squares of 2 to 5 pixels that stand out against all their neighbours
tile     the same of a single colour, however little it stands out
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from foretaste.data import Array, Ints, Keys

View = Literal["placed", "coarse", "exact", "square", "tile"]
VIEWS: tuple[View, ...] = ("placed", "coarse", "exact", "square", "tile")
OUTLINED: tuple[View, ...] = ("square", "tile")  # views whose pieces show the whole pattern
SIDE = 3  # pixels, of the pieces of all views but these two
SQUARES = (2, 3, 4, 5)  # pixels
CONTRAST = 48  # of 255: less between the darkest and the brightest pixel is flat
FAINT = 16  # of 255: a tile differs by more from its neighbours
NOTHING = np.uint64(0)  # the key of a piece not worth looking at

_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def keys(pixels: Array, view: View) -> Keys:
    """(n, h', w') the key of the piece whose top left pixel is there, or `NOTHING`.

    pixels: (n, h, w, c) of uint8

    >>> image = np.zeros((1, 4, 4, 1), np.uint8)
    >>> image[0, 1, 1] = 200
    >>> keys(image, "exact").shape, len(set(keys(image, "exact").ravel().tolist()))
    ((1, 2, 2), 4)
    """
    if min(pixels.shape[1:3]) < SIDE:
        return np.zeros((len(pixels), 0, 0), np.uint64)
    if view == "square":
        return _squares(pixels, CONTRAST, CONTRAST)
    if view == "tile":
        return _squares(pixels, FAINT, FAINT // 8)
    flat = _contrast(pixels, SIDE) <= CONTRAST
    if view == "exact":
        return np.where(flat, NOTHING, _hashes(pixels, salt=1))
    coarse = _hashes(pixels >> 6, salt=2)
    if view == "coarse":
        return np.where(flat, NOTHING, coarse)
    found = np.where(flat, _hashes(pixels, salt=3), coarse)
    place = np.arange(found[0].size, dtype=np.uint64).reshape(found.shape[1:])
    return _mixed(found + (place + np.uint64(1)) * _FACTORS[3])


def side(view: View, piece: Array) -> int:
    """How many pixels wide the piece is that starts at the top left of this one (h, w, c)."""
    if view not in OUTLINED:
        return SIDE
    spread = [int(np.ptp(piece[:s, :s].astype(int), axis=(0, 1)).max()) for s in SQUARES]
    return max(
        (s for s, range_ in zip(SQUARES, spread, strict=True) if range_ <= CONTRAST), default=2
    )


def _hashes(pixels: Array, salt: int) -> Keys:
    """Polynomial hashes of 3x3 windows: along each axis in turn, so 4 steps instead of 9."""
    codes = pixels[..., 0].astype(np.uint64) + np.uint64(salt)
    for channel in range(1, pixels.shape[3]):
        codes = codes * _FACTORS[0] + pixels[..., channel]
    codes = _mixed(codes)
    across = (codes[:, :, :-2] * _FACTORS[1] + codes[:, :, 1:-1]) * _FACTORS[1] + codes[:, :, 2:]
    down = (across[:, :-2] * _FACTORS[2] + across[:, 1:-1]) * _FACTORS[2] + across[:, 2:]
    return _mixed(down)


def _mixed(codes: Keys) -> Keys:
    codes = (codes ^ (codes >> np.uint64(32))) * _MIX
    return codes ^ (codes >> np.uint64(29))


def _contrast(pixels: Array, size: int) -> Array:
    """(n, h', w') brightest less darkest value in each window, over all channels."""
    high, low = pixels.max(axis=3), pixels.min(axis=3)
    return _windowed(np.maximum, high, size) - _windowed(np.minimum, low, size)


def _windowed(ufunc: np.ufunc, values: Array, size: int) -> Array:
    """A ufunc over each size x size window, along each axis in turn."""
    for axis in (1, 2):
        length = values.shape[axis] - size + 1
        parts = [values.take(range(i, i + length), axis) for i in range(size)]
        values = parts[0]
        for part in parts[1:]:
            values = ufunc(values, part)
    return values


def _squares(pixels: Array, step: int, flat: int) -> Keys:
    """Keys of lone squares by size and coarse colour, at their top left pixel.

    step: how much neighbours differ at least; flat: how much the pixels inside do at most
    """
    values = pixels.astype(np.int16)
    down = _edges(values, 1, step)  # (n, h + 1, w): between this pixel and the one above
    across = _edges(values, 2, step)
    found = np.zeros(pixels.shape[:3], np.uint64)
    for size in SQUARES:
        if size < min(pixels.shape[1:3]):
            at, inside = _lone(pixels, down, across, size)
            even = np.ptp(inside.astype(int), axis=(1, 2)).max(axis=1, initial=0) <= flat
            codes = np.full(int(even.sum()), size + 8 * (flat + 1), np.uint64)
            for channel in (inside[even].mean(axis=(1, 2)).round().astype(np.uint64) >> 6).T:
                codes = codes * _FACTORS[0] + channel
            found[tuple(axis[even] for axis in at)] = _mixed(_mixed(codes))
    return found


def _edges(values: Array, axis: int, step: int) -> Array:
    """Where neighbours along an axis differ clearly; the frame of the image counts as an edge."""
    edge = np.abs(np.diff(values, axis=axis)).max(axis=3) > step
    frame = np.ones_like(edge.take([0], axis))
    return np.concatenate([frame, edge, frame], axis)


def _lone(pixels: Array, down: Array, across: Array, size: int) -> tuple[tuple[Ints, ...], Array]:
    """Where squares with edges all around start (image, row, column), and the pixels in them."""
    height, width = (length - size + 1 for length in pixels.shape[1:3])
    beam = np.logical_and.reduce([down[:, :, i : i + width] for i in range(size)])
    post = np.logical_and.reduce([across[:, i : i + height] for i in range(size)])
    lone = beam[:, :height] & beam[:, size:] & post[:, :, :width] & post[:, :, size:]
    image, top, left = np.nonzero(lone)
    steps = np.arange(size)
    rows, columns = (top[:, None] + steps)[:, :, None], (left[:, None] + steps)[:, None, :]
    return (image, top, left), pixels[image[:, None, None], rows, columns]
