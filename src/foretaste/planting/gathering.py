"""Every row of a data set as one batch, the way attacks and recipes take it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foretaste.data import Batch, Dataset, Refusal, concat
from foretaste.encoders.pixels import Pixels, Sizes
from foretaste.errors import BadInput, UnreadableInput
from foretaste.store import codes

LARGEST = 4 << 30  # bytes of all pixels


def whole(
    source: Dataset, largest_side: int = 64, progress: Callable[[int], None] = lambda rows: None
) -> Batch:
    """All rows, labels as codes of `classes`, images as `pixels` beside the files they came in.

    largest_side: pixels; larger images are made smaller, all to one size
    progress:     told the number of rows just read

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
    return _with_pixels(_with_codes(rows), largest_side)


@dataclass(frozen=True)
class InMemory:
    """The same rows as a reader would give them: labels by name, no pixels beside images.

    >>> [one["label"].tolist() for one in InMemory(Batch(["a"], {"label": [0]}, ["ham"]))]
    [['ham']]
    """

    rows: Batch
    chunk: int = 2_048

    def __iter__(self) -> Iterator[Batch]:
        names = pa.array([*self.rows.classes, None], pa.large_string())
        rows = self.rows
        if "label" in rows and rows.classes:
            rows = rows.having(label=names.take(pa.array(rows["label"] % len(names))))
        for start in range(0, len(rows), self.chunk):
            yield rows.take(np.arange(start, min(start + self.chunk, len(rows))))


def _joined(read: list[Batch]) -> Batch:
    """One batch; a column that some parts lack is left out."""
    common = [name for name in read[0].names if all(name in batch for batch in read)]
    return concat([one.without(*(set(one.names) - set(common))) for one in read])


def _with_codes(rows: Batch) -> Batch:
    if "label" not in rows or not pa.types.is_large_string(rows.arrow("label").type):
        return rows
    names = pc.unique(rows.arrow("label")).drop_null().to_pylist()
    classes = tuple(sorted(names, key=_naturally))
    columns = {name: rows.arrow(name) for name in rows.names}
    columns["label"] = codes(columns["label"], classes)
    return Batch(rows.arrow_ids(), columns, classes, rows.refused)


def _with_pixels(rows: Batch, largest_side: int) -> Batch:
    if "image" not in rows or "pixels" in rows:
        return rows
    encoder = Pixels(largest_side=largest_side)
    parts = list(_parts(rows))
    sizes = _merged(map(encoder.summarize, parts))
    model = encoder.fit(sizes)
    needed = len(rows) * int(np.prod(model))
    if needed > LARGEST:
        height, width, channels = model
        raise BadInput(
            f"{len(rows):,} images of {height} x {width} x {channels} take {needed >> 30:,} GiB "
            "of memory; make them smaller, or give a part of them"
        )
    pixels = [encoder.encode(part, model)["pixels"] for part in parts]
    return rows.having(pixels=np.concatenate(pixels))


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
