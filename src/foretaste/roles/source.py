"""A `Source` of any rows whose columns have names: roles are given out, values are shaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from foretaste.contracts import Edits
from foretaste.data import Batch, Ints, Mask, Refusal
from foretaste.errors import UnreadableInput
from foretaste.files.pieces import Cells, Changes
from foretaste.roles.columns import listed
from foretaste.roles.content import content_ids
from foretaste.roles.infer import Cast, infer
from foretaste.roles.rewriting import cells_of
from foretaste.roles.shape import Shape

SAMPLE = ((2_048, 1),)  # rows taken of a piece, in how many pieces
FARTHER = ((1_024, 1), (64, 63))
CELLS = 500_000  # of wide tables fewer rows are looked at


class Rows(Protocol):
    """What a reader knows: rows found, and how to write some of them back."""

    @property
    def tree(self) -> Any: ...

    @property
    def notes(self) -> Mapping[str, None]: ...

    def pieces(self, names: Sequence[str] | None = None) -> Iterable[Any]: ...

    def write(self, out: Path, chosen: Mask) -> None: ...

    def rewrite(self, out: Path, changes: Changes, added: Sequence[Cells]) -> None: ...


@dataclass(frozen=True)
class TableSource:
    """An opened data set of named columns; the same batches on every walk.

    `found` counts rows over all files, refused ones included; so does the column `index`.
    """

    path: str
    format: str
    roles: Mapping[str, str]
    columns: tuple[str, ...]
    rows: Rows
    shape: Shape

    def __iter__(self) -> Iterator[Batch]:
        base = 0
        for piece in self.rows.pieces(self.shape.cast.columns):
            yield _batch(piece, self.shape, base)
            base += piece.found

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd but was read all the same; complete after a walk."""
        others = self.ignored
        some = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        return (*self.rows.notes, *([f"not read, being of other formats: {some}"] if some else []))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Files beside the data that are of other formats."""
        return tuple(getattr(self.rows.tree, "passed_over", ()))

    def write(self, out: Path, chosen: Mask) -> None:
        """Writes the chosen rows into the folder `out`, in files named as those read."""
        self.rows.write(Path(out), np.asarray(chosen, bool))

    def rewrite(self, out: Path, edits: Edits) -> dict[int, str]:
        """Writes all rows, some of them changed, into files named as those read.

        Image files that new rows name are written beside them, the others are not. What moved to
        another place is given as index -> location: nothing, in a table.
        """
        changes, added, files = cells_of(self.rows, self.shape, edits)
        self.rows.rewrite(Path(out), changes, added)
        for name, content in files.items():
            path = Path(out) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return {}


def open_rows(
    format: str,
    rows: Rows,
    roles: Mapping[str, str],
    classes: Mapping[str, Sequence[str]] | None = None,
) -> TableSource:
    """A source of those rows; roles are inferred from the first of them.

    classes: column -> names of its class codes, where the file itself says them
    """
    sample = _sample(rows, SAMPLE)
    cast = infer(sample, roles)
    if "label" not in roles and not (cast.layout or cast.roles.get("label")):
        sample = _sample(rows, FARTHER)  # rows may be sorted by label: look farther
        cast = infer(sample, roles)
    names = (classes or {}).get(cast.roles.get("label", ("",))[0], ())
    kind = f"{format}/{_layout(cast)}".rstrip("/")
    shape = Shape(cast, tuple(names), rows.tree)
    return TableSource(rows.tree.url, kind, cast.shown, tuple(sample), rows, shape)


def _layout(cast: Cast) -> str:
    if cast.layout or not cast.roles.get("text"):
        return cast.layout
    return "" if cast.roles.get("label") else "text"


def _sample(rows: Rows, plan: Sequence[tuple[int, int]]) -> dict[str, list[Any]]:
    """Some rows from the front; the columns of later ones join those of the first."""
    sample: dict[str, list[Any]] = {}
    sizes = [size for size, times in plan for _ in range(times)]
    taken = 0
    for piece in rows.pieces():
        if not len(piece.positions):
            continue
        size = min(len(piece.positions), sizes.pop(0), 1 + CELLS // max(1, len(piece.columns)))
        for name, values in piece.columns.items():
            sample.setdefault(name, [None] * taken).extend(listed(values[:size]))
        taken += size
        for column in sample.values():
            column.extend([None] * (taken - len(column)))
        if not sizes:
            break
    if not taken:
        raise UnreadableInput(f"{rows.tree.url}: no row in it can be read")
    return sample


def _batch(piece: Any, shape: Shape, base: int) -> Batch:
    columns, bad = shape(piece.columns, len(piece.positions))
    places: Ints = piece.positions + base
    columns = {
        "index": pa.array(places),
        "location": piece.locations.cast(pa.large_string()),
        **columns,
    }
    refused = [Refusal(base + r.index, r.location, r.reason) for r in piece.refused]
    batch = Batch(content_ids(columns), columns)
    if bad:
        good = np.ones(len(batch), bool)
        good[list(bad)] = False
        where = columns["location"]
        refused += [Refusal(int(places[i]), where[i].as_py(), bad[i]) for i in bad]
        batch = batch.take(good)
    refused.sort(key=lambda refusal: refusal.index)
    kept = {name: batch.arrow(name) for name in batch.names}
    return Batch(batch.arrow_ids(), kept, refused=refused)
