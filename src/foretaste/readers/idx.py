"""IDX files, as MNIST and its kin ship them: images and labels, packed or not."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from foretaste.contracts import Edits, Source
from foretaste.data import Batch, Mask
from foretaste.errors import UnreadableInput, UnsafeInput, WrongRole
from foretaste.files.array_cells import patches
from foretaste.files.array_rows import BATCH_BYTES, Part, alike, is_image
from foretaste.files.arrays import Patch, Pulled, Stored, exactly
from foretaste.files.streams import Blocks, Limits, packing, pour, unpacked_head
from foretaste.files.tree import head, located, opened

DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MOST_AXES = 8
_IMAGES, _LABELS = re.compile("images?|data", re.I), re.compile("labels?|targets?", re.I)
_KIND = re.compile(r"[-._]idx\d?([-._][a-z0-9]+)?$", re.I)


@dataclass(frozen=True)
class Idx:
    """Reads IDX files: one of images with the labels beside it, or a folder of such pairs.

    `train-images-idx3-ubyte.gz` belongs with `train-labels-idx1-ubyte.gz`; in a folder every
    pair is read, training rows first. A location is `file:row`, counted from 0.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        if _is_idx(path):
            return 0.9 if "idx" in path.lower() or "ubyte" in path.lower() else 0.5
        return 0.9 if any(_is_idx(one) for one in _named_idx(path)) else 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        if wrong := {r: n for r, n in roles.items() if n and (r, n) not in _ROLES}:
            raise WrongRole(f"{wrong}: IDX files have images, vectors and labels only")
        fs, inside = located(path)
        single = not fs.isdir(inside)
        around = _named_idx(path.rpartition("/")[0] or ".") if single else _named_idx(path)
        if single and _pair(path) not in map(_pair, around):
            around = [path]
        pairs: dict[str, dict[str, IdxFile]] = {}
        for one in sorted(around, key=_order):
            if not single or _pair(one) == _pair(path):
                file = IdxFile.read(one, self.limits)
                pairs.setdefault(_pair(one), {})[file.part] = file
        whole = [pair for pair in pairs.values() if "content" in pair]
        if not whole:
            raise UnreadableInput(f"{path}: no IDX file of images here")
        return IdxSet.of(path, whole, roles)


_ROLES = {("image", "images"), ("features", "images"), ("label", "labels")}


@dataclass(frozen=True)
class IdxFile:
    """One file; part: whether it has the content or the labels."""

    stored: Stored
    kind: int
    packing: str
    part: str

    @classmethod
    def read(cls, path: str, limits: Limits) -> IdxFile:
        """Judges the header; the rows are read later."""
        fs, inside = located(path)
        name, first = inside.rpartition("/")[2], head(path)
        begin = unpacked_head(first, 4 + 4 * MOST_AXES)
        if len(begin) < 8 or begin[:2] != b"\0\0" or begin[2] not in DTYPES or not begin[3]:
            raise UnreadableInput(f"{name} is no IDX file, or a broken one")
        axes = begin[3]
        if axes > MOST_AXES or len(begin) < 4 + 4 * axes:
            raise UnsafeInput(f"{name}: an IDX file of {axes} axes is not read")
        shape = struct.unpack(f">{axes}I", begin[4 : 4 + 4 * axes])

        @contextmanager
        def body() -> Iterator[Any]:
            with opened(fs, inside) as stream:
                pulled = Pulled(Blocks(stream, name, limits))
                exactly(pulled, 4 + 4 * axes, name)
                yield pulled

        stored = Stored(name, np.dtype(DTYPES[begin[2]]), shape, body).checked()
        packed = packing(first)
        size = int(fs.size(inside) or 0) - 4 - 4 * axes
        if not packed and size != stored.rows * stored.row_bytes:
            raise UnreadableInput(
                f"{name}: the header promises {stored.rows:,} rows of {stored.row_bytes:,} bytes, "
                f"but {size:,} bytes follow; fetch it again"
            )
        labels = bool(_LABELS.search(name)) or (axes == 1 and not _IMAGES.search(name))
        if labels and axes != 1:
            raise UnreadableInput(f"{name}: {axes} axes, where labels have one")
        return cls(stored, begin[2], packed, "label" if labels else "content")

    def write(self, out: Path, chosen: Mask) -> None:
        """The chosen rows under the same name, packed the same way."""
        start = 0
        with self._begun(out, int(chosen.sum())) as target:
            for rows in self.stored.walk(self._step):
                target.write(rows[chosen[start : start + len(rows)]].tobytes())
                start += len(rows)

    def rewrite(self, out: Path, patch: Patch) -> None:
        """All rows, some of them changed, and the new ones."""
        with self._begun(out, self.stored.rows + len(patch.added)) as target:
            for rows in self.stored.patched(patch, self._step):
                target.write(rows.tobytes())

    @property
    def _step(self) -> int:
        return max(1, BATCH_BYTES // max(1, self.stored.row_bytes))

    @contextmanager
    def _begun(self, out: Path, count: int) -> Iterator[Any]:
        shape = (count, *self.stored.shape[1:])
        with pour(out / self.stored.name, self.packing) as target:
            target.write(struct.pack(f">BBBB{len(shape)}I", 0, 0, self.kind, len(shape), *shape))
            yield target


@dataclass(frozen=True)
class IdxSet:
    """Opened IDX files, pair by pair."""

    path: str
    pairs: tuple[Mapping[str, IdxFile], ...] = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    roles: Mapping[str, str]
    columns: tuple[str, ...]
    format: str = "idx"

    @classmethod
    def of(cls, path: str, pairs: list[dict[str, IdxFile]], said: Mapping[str, str]) -> IdxSet:
        """Gives each array its role."""
        pixels = is_image(pairs[0]["content"].stored) and not said.get("features")
        content = "image" if pixels or said.get("image") else "features"
        labelled = said.get("label") != "" and any("label" in pair for pair in pairs)
        roles = {content: "images", **({"label": "labels"} if labelled else {})}
        parts = []
        for pair in pairs:
            stored = {content: pair["content"].stored}
            parts.append(Part(stored | {n: f.stored for n, f in pair.items() if n in roles}))
        return cls(path, tuple(pairs), alike(parts), MappingProxyType(roles), tuple(roles.values()))

    def __iter__(self) -> Iterator[Batch]:
        first = 0
        for part in self.parts:
            yield from part.batches(first, self.roles)
            first += part.rows

    def write(self, out: Path, chosen: Mask) -> None:
        """The same files with the chosen rows."""
        first = 0
        for pair, part in zip(self.pairs, self.parts, strict=True):
            for file in pair.values():
                file.write(out, np.asarray(chosen[first : first + part.rows], bool))
            first += part.rows

    def rewrite(self, out: Path, edits: Edits) -> dict[int, str]:
        """The same files with some rows changed, and new ones at the end of the last pair."""
        first = 0
        for pair, part in zip(self.pairs, self.parts, strict=True):
            here = {
                i - first: edits.changed[i] for i in edits.changed if 0 <= i - first < part.rows
            }
            found = patches(part, here, edits.added if pair is self.pairs[-1] else ())
            for name, file in pair.items():
                role = name if name == "label" else next(r for r in part.roles if r != "label")
                file.rewrite(out, found.get(role, Patch()))
            first += part.rows
        return {}


def _is_idx(path: str) -> bool:
    begin = unpacked_head(head(path, 1 << 10), 4)[:4]
    return len(begin) == 4 and begin[:2] == b"\0\0" and begin[2] in DTYPES and 0 < begin[3] < 9


def _named_idx(folder: str) -> list[str]:
    """The files of a folder that are called as IDX files are."""
    try:
        fs, root = located(folder)
        names = sorted(map(str, fs.ls(root, detail=False))) if fs.isdir(root) else []
    except (OSError, UnreadableInput, ValueError):
        return []
    named = [name for name in names if _KIND.search(_bare(name))]
    return [str(fs.unstrip_protocol(name)) for name in named]


def _bare(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: -len(".gz")] if name.endswith(".gz") else name


def _pair(path: str) -> str:
    """What a file of images and its file of labels have in common.

    >>> _pair("a/train-images-idx3-ubyte.gz") == _pair("b/train-labels-idx1-ubyte")
    True
    """
    name = _KIND.sub("", _bare(path))
    return _LABELS.sub("*", _IMAGES.sub("*", name)).lower()


def _order(path: str) -> tuple[bool, str]:
    name = path.rpartition("/")[2].lower()
    return "train" not in name, name
