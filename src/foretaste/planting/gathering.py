"""Every row of a data set as one batch, the way attacks and recipes take it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch, Dataset, Refusal, concat
from foretaste.encoders.pixels import Pixels, Sizes
from foretaste.errors import BadInput, UnreadableInput
from foretaste.store import codes

LARGEST = 4 << 30  # bytes of all pixels


def whole(
    source: Dataset,
    largest_side: int | None = 64,
    progress: Callable[[int], None] = lambda rows: None,
    like: Batch | None = None,
) -> Batch:
    """All rows, labels as codes of `classes`, images as `pixels` beside the files they came in.

    largest_side: pixels; larger images are made smaller, all to one size. None: as large as they
                  are, if they are of one size and memory holds them
    progress:     told the number of rows just read
    like:         other rows whose classes and size of images these get

    >>> rows = [Batch(["a"], {"label": ["b"]}), Batch(["b"], {"label": ["a"]})]
    >>> whole(rows)["label"].tolist(), whole(rows).classes
    ([1, 0], ('a', 'b'))
    """
    read, refused = [], list[Refusal]()
    for batch in source:
        refused += batch.refused
        if len(batch):
            read.append(batch)
        progress(len(batch) + len(batch.refused))
    if not read:
        raise UnreadableInput(f"no row can be read; {len(refused)} were refused")
    rows = _joined(read)
    kept = {name: rows.arrow(name) for name in rows.names}
    rows = Batch(rows.arrow_ids(), kept, refused=refused)
    rows = _with_codes(rows, (like.classes or None) if like is not None else None)
    if "image" not in rows or "pixels" in rows:
        return rows
    return _with_pixels(rows, _size(rows, largest_side, like))


def _joined(read: list[Batch]) -> Batch:
    """One batch; a column that some parts lack is left out."""
    common = [name for name in read[0].names if all(name in batch for batch in read)]
    return concat([one.without(*(set(one.names) - set(common))) for one in read])


def _with_codes(rows: Batch, classes: tuple[str, ...] | None) -> Batch:
    if "label" not in rows or not pa.types.is_large_string(rows.arrow("label").type):
        return rows
    if classes is None:
        names = pc.unique(rows.arrow("label")).drop_null().to_pylist()
        classes = tuple(sorted(names, key=_naturally))
    columns = {name: rows.arrow(name) for name in rows.names}
    columns["label"] = codes(columns["label"], classes)
    return Batch(rows.arrow_ids(), columns, classes, rows.refused)


def _size(rows: Batch, largest_side: int | None, like: Batch | None) -> tuple[int, int, int]:
    """The size (h, w, c) that every image gets."""
    if like is not None and "pixels" in like:
        height, width, channels = like["pixels"].shape[1:]
        return height, width, channels
    seen = _merged(map(Pixels().summarize, _parts(rows)))
    if largest_side is not None:
        return Pixels(largest_side).fit(seen)
    own = seen.largest or (1, 1, 1)
    alike = seen.smallest is not None and seen.smallest[:2] == own[:2]
    fits = alike and len(rows) * int(np.prod(own)) <= LARGEST
    return Pixels(max(own) if fits else Pixels().largest_side).fit(seen)


def _with_pixels(rows: Batch, size: tuple[int, int, int]) -> Batch:
    needed = len(rows) * int(np.prod(size))
    if needed > LARGEST:
        raise BadInput(
            f"{len(rows):,} images of {' x '.join(map(str, size))} take {needed >> 30:,} GiB "
            "of memory; make them smaller, or give a part of them"
        )
    pixels = np.empty((len(rows), *size), np.uint8)
    start = 0
    for part in _parts(rows):
        pixels[start : start + len(part)] = Pixels().encode(part, size)["pixels"]
        start += len(part)
    return rows.having(pixels=pixels)


def _parts(rows: Batch, size: int = 2_048) -> Iterator[Batch]:
    for start in range(0, len(rows), size):
        yield rows.take(np.arange(start, min(start + size, len(rows))))


def _merged(sizes: Iterable[Sizes]) -> Sizes:
    both = Sizes()
    for one in sizes:
        both = both.merge(one)
    return both


def _naturally(name: str) -> tuple[int, float, str]:
    return (0, float(name), name) if name.lstrip("-").isdigit() and name.isascii() else (1, 0, name)
