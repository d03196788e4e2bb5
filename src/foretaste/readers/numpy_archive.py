"""NumPy arrays: `.npz` archives, `.npy` files, folders of `.npy` files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from foretaste.contracts import Edits, Source
from foretaste.data import Batch, Mask
from foretaste.errors import BadInput, UnreadableInput, WrongRole
from foretaste.files.array_cells import patches
from foretaste.files.array_rows import CONTENT, NUMBERS, STRINGS, Part, alike, fits, is_image
from foretaste.files.arrays import NPY, Patch, Stored
from foretaste.files.stock import Stock
from foretaste.files.streams import Limits
from foretaste.files.tree import head, located

CONTENTS = frozenset(
    "x image images img imgs data feature features input inputs embedding embeddings vector vectors"
    " text texts sentence sentences arr".split()
)
LABELS = frozenset("y label labels lbl target targets class classes 1".split())
SPLITS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval")
OTHERS = tuple(role for role in (*STRINGS, *NUMBERS) if role not in ("label", "text"))
_JOINED = re.compile(r"([xy])(train|val|valid|dev|test)")


@dataclass(frozen=True)
class NumpyArchive:
    """Reads arrays of rows, a few rows at a time; pickled objects are never loaded.

    An array called x, images, data, features … is what the rows are, one called y, labels,
    target … their label; `x_train`, `train_images` and so on pair by their split. A `.npy` file
    is read together with the one beside it that has the labels. Arrays as long as their
    split are cut with it when written, all others are copied. A location is `file/array:row`,
    counted from 0.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        first = head(path, 8)
        if first.startswith(NPY):
            return 0.95
        if first.startswith(b"PK"):
            return 0.95 if path.lower().endswith(".npz") else 0.0
        return 0.0 if first else 0.6 * bool(_npy_files(path))

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        first = head(path, 8)
        if first.startswith(b"PK"):
            stock = Stock.of_archive(path, self.limits)
        elif first.startswith(NPY):
            stock = Stock.of_files([path, *_with_labels(path)])
        elif files := _npy_files(path):
            stock = Stock.of_files(files)
        else:
            raise UnreadableInput(f"{path} is neither an .npz archive nor an .npy array")
        return Arrays.of(path, stock, roles)


@dataclass(frozen=True)
class Arrays:
    """Opened arrays.

    parts: split ("" where there is none) -> its rows, in reading order
    """

    path: str
    stock: Stock = field(repr=False)
    parts: Mapping[str, Part] = field(repr=False)
    roles: Mapping[str, str]
    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    format: str = "numpy_archive"

    @classmethod
    def of(cls, path: str, stock: Stock, said: Mapping[str, str]) -> Arrays:
        """Finds the role of each array; reads none of them yet."""
        arrays = stock.arrays()
        for role, name in said.items():
            if name and not any(name in (key, _named(key)[1]) for key in stock.members):
                raise WrongRole(f"{role}={name}: there are the arrays {', '.join(stock.members)}")
            _refuse_objects(stock, name)
        splits: dict[str, dict[str, Stored]] = {}
        for key in sorted(arrays, key=lambda key: _order(_named(key)[0])):
            splits.setdefault(_named(key)[0], {})[key] = arrays[key]
        found = {split: _roles(some, said, len(splits) == 1) for split, some in splits.items()}
        parts = {
            split: Part({role: arrays[key] for role, key in roles.items()})
            for split, roles in found.items()
            if set(CONTENT) & set(roles)
        }
        if not parts:
            shapes = ", ".join(f"{key} {stored.shape}" for key, stored in arrays.items())
            raise WrongRole(f"which array has the rows? There are {shapes or 'no arrays'}")
        alike(list(parts.values()))
        roles = {role: _named(key)[1] for split in parts for role, key in found[split].items()}
        used = {key for split in parts for key in found[split].values()}
        ignored = tuple(sorted(stock.members.keys() - used))
        return cls(path, stock, parts, MappingProxyType(roles), tuple(stock.members), ignored)

    def __iter__(self) -> Iterator[Batch]:
        first = 0
        for part in self.parts.values():
            yield from part.batches(first, self.roles)
            first += part.rows

    def write(self, out: Path, chosen: Mask) -> None:
        """The same arrays of the same types, with the chosen rows."""
        cuts: dict[str, Mask | Patch] = {}
        first = 0
        for split, part in self.parts.items():
            some = np.asarray(chosen[first : first + part.rows], bool)
            first += part.rows
            for key, member in self.stock.members.items():
                stored = member.stored
                if _named(key)[0] != split or stored is None or stored.shape[:1] != (part.rows,):
                    continue
                cuts[key] = some
        for key in cuts:
            _refuse_objects(self.stock, key)
        self.stock.write(out, cuts)

    def rewrite(self, out: Path, edits: Edits) -> dict[int, str]:
        """The same arrays with some rows changed, and new ones at the end of the last split."""
        keys = {id(member.stored): key for key, member in self.stock.members.items()}
        found: dict[str, Mask | Patch] = {}
        first = 0
        for split, part in self.parts.items():
            here = {
                i - first: edits.changed[i] for i in edits.changed if 0 <= i - first < part.rows
            }
            added = edits.added if split == [*self.parts][-1] else ()
            for role, patch in patches(part, here, added).items():
                found[keys[id(part.roles[role])]] = patch
            if added:
                self._all_grow(split, part, found)
            first += part.rows
        self.stock.write(out, found)
        return {}

    def _all_grow(self, split: str, part: Part, found: Collection[str]) -> None:
        """New rows must be in every array that has a row for each of the others."""
        for key, member in self.stock.members.items():
            rows = member.stored.shape[:1] if member.stored else ()
            if _named(key)[0] == split and rows == (part.rows,) and key not in found:
                raise BadInput(f"the array {key} has a value for each row, and none for new rows")


def _roles(arrays: Mapping[str, Stored], said: Mapping[str, str], only: bool) -> dict[str, str]:
    """Role -> array, for the arrays of one split; where it is the only one, names matter less."""
    roles = {
        role: key for role, name in said.items() for key in arrays if name in (key, _named(key)[1])
    }
    free = {key: stored for key, stored in arrays.items() if key not in roles.values()}
    if not set(CONTENT) & set(roles):
        named = [key for key in free if _is_content(key)]
        wide = [key for key, stored in free.items() if len(stored.shape) > 1] or list(free)
        for key in named or wide * (only and len(wide) == 1):
            role = _content_role(free[key])
            roles.setdefault(role if said.get(role, role) else "features", key)
    content = next((roles[role] for role in CONTENT if role in roles), None)
    if content is None:
        return roles
    free = {
        key: stored
        for key, stored in free.items()
        if key not in roles.values() and stored.rows == arrays[content].rows
    }
    for key, stored in free.items():
        role = "label" if LABELS & _words(_named(key)[1]) else _named(key)[1]
        if role in ("label", *OTHERS) and said.get(role, role) and fits(role, stored):
            roles.setdefault(role, key)
    return roles


def _content_role(stored: Stored) -> str:
    if stored.dtype.kind in "US":
        return "text"
    return "image" if is_image(stored) else "features"


def _is_content(key: str) -> bool:
    words = _words(_named(key)[1])
    return bool(CONTENTS & words) and not LABELS & words


def _named(key: str) -> tuple[str, str]:
    """The split an array belongs to, and its name without it.

    >>> _named("x_train"), _named("TestImages"), _named("ytest"), _named("embedding")
    (('train', 'x'), ('test', 'images'), ('test', 'y'), ('', 'embedding'))
    """
    joined = _JOINED.fullmatch(key.lower())
    if joined:
        return joined[2], joined[1]
    words = re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    split = next((word for word in words if word in SPLITS), "")
    rest = [word for word in words if word != split]
    return (split, "_".join(rest)) if split and rest else ("", key)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))


def _order(split: str) -> int:
    return SPLITS.index(split) if split else -1


def _refuse_objects(stock: Stock, name: str) -> None:
    for key, member in stock.members.items():
        if member.stored and name in (key, _named(key)[1]):
            member.stored.checked()


def _npy_files(path: str) -> list[str]:
    """The .npy files of a folder."""
    try:
        fs, root = located(path)
        names = sorted(map(str, fs.ls(root, detail=False))) if fs.isdir(root) else []
    except (OSError, UnreadableInput, ValueError):
        return []
    return [fs.unstrip_protocol(name) for name in names if name.endswith(".npy")]


def _with_labels(path: str) -> list[str]:
    """The .npy file beside this one that has its labels: `y_train.npy` beside `x_train.npy`."""
    folder, _, name = path.rpartition("/")
    split, own = _named(name.removesuffix(".npy"))
    if LABELS & _words(own):
        return []
    for other in _npy_files(folder or "."):
        there, base = _named(other.rpartition("/")[2].removesuffix(".npy"))
        if there == split and LABELS & _words(base):
            return [other]
    return []
