"""Rows out of arrays that lie side by side: images, vectors, labels, text."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from foretaste.data import Array, Batch, Floats, Ints, Mask, Refusal, content_id
from foretaste.errors import UnreadableInput, WrongRole
from foretaste.files.arrays import Stored
from foretaste.files.pieces import numbered

BATCH_BYTES, BATCH_ROWS = 16 << 20, 8192
CONTENT = ("image", "features", "text")
STRINGS = ("label", "text", "source", "user", "item")
NUMBERS = ("time", "rating")
IDENTITY = ("label", "text", "image", "features", "user", "item", "rating")


@dataclass(frozen=True)
class Part:
    """Arrays of the same number of rows: a split of the data set.

    roles: role -> array; the first of image, features and text is what the row is
    """

    roles: Mapping[str, Stored]

    def __post_init__(self) -> None:
        if not set(CONTENT) & set(self.roles):
            raise WrongRole(f"no array of images, features or text among {sorted(self.roles)}")
        for role, stored in self.roles.items():
            stored.checked()
            if not fits(role, stored):
                shape = f"{stored.dtype} of shape {stored.shape}"
                raise WrongRole(f"{stored.name} cannot be {role}: {shape}")
        lengths = {stored.name: stored.rows for stored in self.roles.values()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {rows:,} rows" for name, rows in lengths.items())
            raise UnreadableInput(f"the arrays do not belong together: {said}")

    @property
    def content(self) -> Stored:
        """What the rows are."""
        return self.roles[next(role for role in CONTENT if role in self.roles)]

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.content.rows

    @property
    def step(self) -> int:
        """Rows that make a batch."""
        widest = max(stored.row_bytes for stored in self.roles.values())
        return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, widest)))

    def batches(self, first: int, wanted: Iterable[str]) -> Iterator[Batch]:
        """Every row; their indices begin at `first`; wanted roles that lack an array are empty."""
        lacking = [role for role in wanted if role not in self.roles]
        scale = Scale.of(self.roles["image"]) if "image" in self.roles else None
        walks = [stored.walk(self.step) for stored in self.roles.values()]
        start = 0
        for arrays in zip(*walks, strict=True):
            raw = dict(zip(self.roles, arrays, strict=True))
            batch = self._batch(raw, first, start, scale)
            yield batch.having(**{role: _missing(role, len(batch)) for role in lacking})
            start += len(arrays[0])

    def _batch(self, raw: dict[str, Array], first: int, start: int, scale: Scale | None) -> Batch:
        count = len(next(iter(raw.values())))
        finite = np.ones(count, bool)
        for role in ("image", "features"):
            if role in raw:
                finite &= _finite(raw[role])
        good = np.flatnonzero(finite)
        locations = numbered(self.content.name, np.arange(start, start + count))
        refused = [
            Refusal(
                first + start + int(at), locations[int(at)].as_py(), "a value that is no number"
            )
            for at in np.flatnonzero(~finite)
        ]
        kept = {role: array[good] for role, array in raw.items()}
        columns = {role: _column(role, array, scale) for role, array in kept.items()}
        ids = _ids(kept)
        index = {"index": first + start + good, "location": locations.take(pa.array(good))}
        return Batch(pa.array(ids, pa.large_string()), {**index, **columns}, (), refused)


@dataclass(frozen=True)
class Scale:
    """How an array's values become the 0 to 255 of pixels."""

    low: float
    high: float
    planes_first: bool

    @classmethod
    def of(cls, stored: Stored) -> Scale:
        """From the range of the middle rows, so that one odd row cannot dim all others."""
        shape = stored.shape
        first = len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] not in (1, 3, 4)
        if stored.dtype == np.uint8:
            return cls(0.0, 255.0, first)
        lows, highs = [], []
        for rows in stored.walk(max(1, BATCH_BYTES // stored.row_bytes)):
            flat = rows[_finite(rows)].reshape(-1, math.prod(shape[1:])).astype(np.float64)
            lows.append(flat.min(axis=1))
            highs.append(flat.max(axis=1))
        every = np.concatenate([*lows, [0.0]]), np.concatenate([*highs, [0.0]])
        low, high = float(np.quantile(every[0], 0.01)), float(np.quantile(every[1], 0.99))
        for usual in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
            if usual[0] <= low and high <= usual[1]:
                return cls(*usual, first)
        return cls(low, high, first)

    def pixels(self, rows: Array) -> Array:
        """(n, h, w[, c]) uint8."""
        if self.planes_first:
            rows = np.moveaxis(rows, 1, -1)
        if rows.ndim == 2:
            side = math.isqrt(rows.shape[1])
            rows = rows.reshape(-1, side, side)
        if rows.dtype == np.uint8:
            return rows
        span = max(self.high / 255 - self.low / 255, 1e-12)
        within = np.clip(rows.astype(np.float64), self.low, self.high)
        return np.clip(np.rint(within / span - self.low / span), 0, 255).astype(np.uint8)

    def row(self, pixels: Array, stored: Stored, old: Array | None) -> Array:
        """An image as a row of that array; a pixel that stays as it was keeps its exact value.

        pixels: (h, w, c) of uint8
        """
        row = self._stored(pixels, stored).astype(np.float64)
        if stored.dtype != np.uint8:
            row = row * max(self.high / 255 - self.low / 255, 1e-12) + self.low
        row = (row if stored.dtype.kind == "f" else np.rint(row)).astype(stored.dtype)
        if old is None:
            return row
        seen = self.pixels(old[None])[0]
        return np.where(self._stored(pixels.reshape(seen.shape) == seen, stored), old, row)

    def _stored(self, pixels: Array, stored: Stored) -> Array:
        if self.planes_first:
            pixels = np.moveaxis(pixels, -1, 0)
        return pixels.reshape(stored.shape[1:])


def alike(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same parts, if their rows are of one kind and shape."""
    kinds = {
        ", ".join(f"{role} {stored.shape[1:]}" for role, stored in sorted(part.roles.items())
                  if role in ("image", "features"))
        for part in parts
    }  # fmt: skip
    if len(kinds) > 1:
        raise UnreadableInput(f"the splits differ: {'; '.join(sorted(kinds))}; scan them apart")
    return tuple(parts)


def is_image(stored: Stored) -> bool:
    """Whether the shape, and where that leaves doubt the name, says these are images."""
    shape, number = stored.shape, stored.dtype.kind in "uif"
    if len(shape) == 4:
        return number and bool({shape[1], shape[3]} & {1, 3, 4})
    if len(shape) == 3:
        square = shape[1] == shape[2] or "im" in stored.name.lower()
        return number and min(shape[1:]) >= 4 and (square or stored.dtype == np.uint8)
    return stored.dtype == np.uint8 and len(shape) == 2 and _square(shape[1])


def _square(width: int) -> bool:
    return width >= 64 and math.isqrt(width) ** 2 == width


def fits(role: str, stored: Stored) -> bool:
    """Whether an array can play a role."""
    kind, ndim = stored.dtype.kind, len(stored.shape)
    if role == "image":
        return kind in "uifb" and (ndim in (3, 4) or (ndim == 2 and _square(stored.shape[1])))
    if role == "features":
        return kind in "uifb" and ndim >= 1
    if role in NUMBERS:
        return kind in "uif" and ndim == 1
    return role in STRINGS and kind in "uifbUS" and ndim in (1, 2)


def _missing(role: str, count: int) -> pa.Array:
    if role in NUMBERS:
        return pa.array(np.full(count, np.nan))
    return pa.nulls(count, pa.large_string())


def _finite(rows: Array) -> Mask:
    if rows.dtype.kind != "f":
        return np.ones(len(rows), bool)
    return np.asarray(np.isfinite(rows).all(axis=tuple(range(1, rows.ndim))))


def _column(role: str, rows: Array, scale: Scale | None) -> Array | pa.Array:
    if role == "image" and scale is not None:
        return scale.pixels(rows)
    if role == "features":
        flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        return flat.astype(np.float32 if rows.dtype.itemsize <= 2 or rows.dtype == "f4" else "f8")
    if role in NUMBERS:
        return rows.astype(np.float64)
    return pa.array(strings(rows), pa.large_string())


def strings(rows: Array) -> list[str | None]:
    """Labels and words; of one-hot rows the place of the one."""
    if rows.ndim == 2:
        rows = rows[:, 0] if rows.shape[1] == 1 else _places(rows)
    if rows.dtype.kind == "S":
        return [value.decode("utf-8", "backslashreplace") for value in rows.tolist()]
    if rows.dtype.kind == "U":
        return [value.encode("utf-8", "backslashreplace").decode() for value in _legal(rows)]
    return [_number(value) for value in rows.tolist()]


def _legal(rows: Array) -> list[str]:
    """The strings of an array that may hold numbers which are no characters."""
    codes = np.array(rows).view(rows.dtype.byteorder.replace("|", "=") + "u4")
    codes[codes > sys.maxunicode] = ord("\N{REPLACEMENT CHARACTER}")
    legal: list[str] = codes.view(rows.dtype).tolist()
    return legal


def _places(rows: Array) -> Ints | Floats:
    if rows.dtype.kind not in "uifb":
        return rows[:, 0]
    places = rows.argmax(axis=1).astype(np.float64)
    places[~np.isfinite(rows.astype(np.float64)).all(axis=1)] = np.nan
    return places


def _number(value: float) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def _ids(raw: Mapping[str, Array]) -> list[str]:
    """The content id of each row, over its values as they are stored.

    Equal to the id the same row has in a table where the stored types are equal.
    """
    parts: list[list[bytes | None]] = []
    for role in IDENTITY:
        if role not in raw:
            continue
        if role in STRINGS:
            values = [None if text is None else text.encode() for text in strings(raw[role])]
        else:
            rows = raw[role].astype(np.float64) if role in NUMBERS else raw[role]
            values = [row.tobytes() for row in np.ascontiguousarray(rows)]
        parts += [[role.encode()] * len(values), values]
    return [content_id(*_given(row)) for row in zip(*parts, strict=True)]


def _given(row: Sequence[bytes | None]) -> Iterator[bytes]:
    for name, value in zip(row[::2], row[1::2], strict=True):
        if name is not None and value is not None:
            yield name
            yield value
