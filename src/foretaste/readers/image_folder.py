"""Folders of images: the file is the row, its folder is the class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from foretaste.contracts import Edits, Source
from foretaste.data import Batch, Mask, Refusal
from foretaste.errors import BadInput, UnreadableInput, WrongRole
from foretaste.files.folder_edits import Edited, FolderEdits
from foretaste.files.folders import Leaf, Tree, printable, tree_of
from foretaste.files.label_files import NAMES, LabelFiles
from foretaste.files.pictures import fault, is_picture
from foretaste.roles.content import content_ids

SPLITS = frozenset("train training val valid validation dev test testing eval".split())
FILE, FOLDER = "file", "folder"  # the columns that files and their folders make
INFERRED = {
    "label": ("label", "labels", "class", "category", "target"),
    "text": ("text", "caption"),
}
NUMBERS = ("time", "rating")
SMALL = 16 << 10  # bytes of a file
FIRST = 2_000  # files that are looked at to tell what a folder holds


@dataclass(frozen=True)
class ImageFolder:
    """Reads a folder of PNG, JPEG, PPM, PGM, BMP, WebP, GIF or TIFF files.

    The class is the first folder under the root, or under `train`, `val`, `test` where all first
    folders are such splits. A `metadata.csv`, `metadata.jsonl` or `labels.csv` with a column of
    file names adds its columns to the files under its own folder, the label among them.
    Rows are in the order of their paths. Every file is decoded once; what cannot be is refused.

    batch_rows, batch_bytes: a batch ends when it has either
    largest_file:   bytes; a larger file is refused unread
    largest_pixels: pixels; a header that promises more is refused undecoded
    """

    batch_rows: int = 512
    batch_bytes: int = 32 << 20
    largest_file: int = 64 << 20
    largest_pixels: int = 89_478_485

    @classmethod
    def claims(cls, path: str) -> float:
        """As sure as its first files are images."""
        try:
            tree = tree_of(path)
            names = [leaf.path for leaf in islice(tree.leaves(), FIRST)] if tree else []
        except Exception:  # noqa: BLE001  a path nobody can list is not ours to report
            return 0.0
        names = [name for name in names if not name.endswith((*NAMES, ".md", ".txt"))]
        return 0.9 * sum(map(is_picture, names)) / max(1, len(names))

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        return Images.of(path, roles, self)


@dataclass(frozen=True, slots=True)
class Row:
    """A file or a line about one; a line that has no file of its own is refused."""

    leaf: Leaf
    line: int = -1  # number among all lines of label files
    copied: bool = True  # whether a file comes with it


@dataclass(frozen=True)
class Images:
    """An opened folder of images.

    rows:    every image found, readable or not, in the order of their paths
    folders: what the layout is made of
    split:   the first folder is train, test …, so the class is the second
    ignored: paths of the other files, which are no rows
    """

    path: str
    settings: ImageFolder
    tree: Tree = field(repr=False)
    labels: LabelFiles = field(repr=False)
    rows: tuple[Row, ...] = field(repr=False)
    folders: frozenset[str] = field(repr=False)
    split: bool
    roles: Mapping[str, str]
    columns: tuple[str, ...]
    ignored: tuple[str, ...] = field(repr=False)
    format: str = "image_folder"

    @classmethod
    def of(
        cls, path: str, said: Mapping[str, str], settings: ImageFolder, like: Images | None = None
    ) -> Images:
        """Lists the tree and reads the label files; no image is opened yet.

        like: what this is a part of, so that folders and lists mean the same
        """
        tree = tree_of(path)
        if tree is None:
            raise UnreadableInput(f"{path}: not a folder; give the folder that holds the images")
        leaves = tuple(tree.leaves())
        labels = LabelFiles.read(tree, leaves, like.labels.heads if like else NAMES)
        rows = sorted(_rows(leaves, labels), key=lambda row: (row.leaf.path, row.line))
        folders = {row.leaf.path.rpartition("/")[0] for row in rows if row.copied}
        folders |= {leaf.path for leaf in leaves if leaf.empty}
        split = like.split if like else _is_split(folders)
        classes = any(len(folder.split("/")) > split for folder in folders - {""})
        columns = (FILE, *((FOLDER,) if classes else ()), *labels.columns)
        columns = like.columns if like else columns
        known = {row.leaf.path for row in rows} | set(labels.heads)
        others = [leaf.location for leaf in leaves if leaf.path not in known and not leaf.empty]
        return cls(
            path, settings, tree, labels, tuple(rows), frozenset(folders), split,
            roles=_roles(said, columns), columns=columns, ignored=tuple(sorted(others)),
        )  # fmt: skip

    def again(self, path: str) -> Images:
        """A part of it that was written, its folders and lists understood as they are here."""
        return Images.of(path, self.roles, self.settings, self)

    def __iter__(self) -> Iterator[Batch]:
        with ThreadPoolExecutor(2) as threads:
            for rows in self._chunks():
                leaves = [self.rows[at].leaf for at in rows]
                # small files cost more in taking turns than two threads win by decoding
                small = sum(leaf.size for leaf in leaves) < SMALL * len(leaves)
                read = map(self._read, leaves) if small else threads.map(self._read, leaves)
                yield self._batch(rows, list(read))

    def write(self, out: Path, chosen: Mask) -> None:
        """Copies the chosen files as they are, beside them the layout and the label files."""
        for folder in sorted(self.folders):
            (out / folder).mkdir(parents=True, exist_ok=True)
        wanted = [row for row, yes in zip(self.rows, chosen, strict=True) if yes]
        for row in wanted:
            if row.copied:
                (out / row.leaf.path).parent.mkdir(parents=True, exist_ok=True)
                self.tree.copy(row.leaf, out / row.leaf.path)
        self.labels.write(out, {row.line for row in wanted})

    def rewrite(self, out: Path, edits: Edits) -> dict[int, str]:
        """Copies all files, some changed; those whose class is a folder move: to which location."""
        for folder in sorted(self.folders):
            (out / folder).mkdir(parents=True, exist_ok=True)
        paths = {row.leaf.path for row in self.rows}
        folders = {printable(name): name for name in map(self._class_folder, paths)}
        making = FolderEdits(self.tree, self.labels, int(self.split), self.roles, folders, paths)
        moved: dict[int, str] = {}
        for index, row in enumerate(self.rows):
            edited = Edited(row.leaf.path)
            if index in edits.changed:
                edited = making.changed(row.leaf, edits.changed[index])
            if edited.path != row.leaf.path:
                moved[index] = printable(edited.path)
            if row.copied:
                self._put(row.leaf, edited, out)
        for index, new in enumerate(edits.added, len(self.rows)):
            like = self._alike(new.get("label"))
            edited = making.fresh(like, new)
            self._put(like, edited, out)
            moved[index] = printable(edited.path)
        self.labels.write(out, range(len(self.labels.lines)), making.lines, making.more)
        return moved

    def _put(self, leaf: Leaf, edited: Edited, out: Path) -> None:
        target = out / edited.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if edited.content is None:
            self.tree.copy(leaf, target)
        else:
            target.write_bytes(edited.content)

    def _class_folder(self, path: str) -> str:
        folders = path.split("/")[int(self.split) : -1]
        return folders[0] if folders else ""

    def _alike(self, label: str | None) -> Leaf:
        """A good file of that class, beside which another can be put."""
        column = self.roles.get("label")
        for row in self.rows:
            same = column is None or self._value(row.leaf.path, column) == label
            if same and not row.leaf.fault and isinstance(self._read(row.leaf), bytes):
                return row.leaf
        raise BadInput(f"no image is of the class {label!r}, so none can be added to it")

    def _chunks(self) -> Iterator[range]:
        start = size = 0
        for at, row in enumerate(self.rows):
            cost = min(row.leaf.size, self.settings.largest_file)
            full = at - start >= self.settings.batch_rows
            if at > start and (full or size + cost > self.settings.batch_bytes):
                yield range(start, at)
                start, size = at, 0
            size += cost
        if start < len(self.rows):
            yield range(start, len(self.rows))

    def _read(self, leaf: Leaf) -> bytes | str:
        """The bytes of a good image, or why there are none."""
        if leaf.fault:
            return leaf.fault
        if leaf.size > self.settings.largest_file:
            return f"{leaf.size} bytes; files over {self.settings.largest_file} are not read"
        try:
            data = self.tree.read(leaf, self.settings.largest_file)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        return fault(data, self.settings.largest_pixels) or data

    def _batch(self, rows: range, read: list[bytes | str]) -> Batch:
        images = {at: data for at, data in zip(rows, read, strict=True) if isinstance(data, bytes)}
        refused = [
            Refusal(at, self.rows[at].leaf.location, data)
            for at, data in zip(rows, read, strict=True)
            if isinstance(data, str)
        ]
        said = {
            role: [self._value(self.rows[at].leaf.path, column) for at in images]
            for role, column in self.roles.items()
            if role != "image"
        }
        columns = {
            "index": pa.array(list(images), pa.int64()),
            "location": pa.array([self.rows[at].leaf.location for at in images], pa.large_string()),
            "image": pa.array(list(images.values()), pa.large_binary()),
            **{role: _column(role, values) for role, values in said.items()},
        }
        return Batch(content_ids(columns), columns, (), refused)

    def _value(self, path: str, column: str) -> str | None:
        if column == FILE:
            return printable(path)
        if column != FOLDER:
            return self.labels.value(path, column)
        return printable(self._class_folder(path)) or None


def _is_split(folders: Iterable[str]) -> bool:
    """Whether all first folders are train, test …, and so no classes."""
    tops = {folder.split("/")[0].lower() for folder in folders if folder}
    return bool(tops) and tops <= SPLITS


def _rows(leaves: Iterable[Leaf], labels: LabelFiles) -> Iterator[Row]:
    """One a file that is an image by its name or its mention, one more a line left over."""
    there = set()
    for leaf in leaves:
        numbers = labels.about.get(leaf.path, (-1,))
        astray = bool(leaf.fault) and "link" in leaf.fault
        if leaf.empty or not (is_picture(leaf.path) or numbers != (-1,) or astray):
            continue
        there.add(leaf.path)
        yield Row(leaf, numbers[0])
        for number in numbers[1:]:
            again = f"listed again in {labels.lines[number].label_file}"
            yield Row(Leaf(leaf.path, fault=again), number, copied=False)
    for path, numbers in labels.about.items():
        for number in numbers if path not in there else ():
            missing = f"listed in {labels.lines[number].label_file}, but there is no such file"
            yield Row(Leaf(path, fault=missing), number, copied=False)


def _roles(said: Mapping[str, str], columns: tuple[str, ...]) -> Mapping[str, str]:
    """What the user said of the roles, and what the names of the columns say of the others."""
    for role, column in said.items():
        if not column and role != "image":
            continue
        if column not in columns or (role == "image") != (column == FILE):
            raise WrongRole(f"{role}={column}: a folder of images has {', '.join(columns)}")
    found = {"image": FILE}
    if FOLDER in columns:
        found["label"] = FOLDER
    for role, names in INFERRED.items():
        named = [name for name in columns if name.lower() in names]
        found.update({role: named[0]} if named else {})
    return MappingProxyType({role: column for role, column in {**found, **said}.items() if column})


def _column(role: str, values: list[str | None]) -> pa.Array:
    if role not in NUMBERS:
        return pa.array(values, pa.large_string())
    return pa.array([_number(value) for value in values], pa.float64())


def _number(value: str | None) -> float:
    try:
        return float(value or "nan")
    except ValueError:
        return float("nan")
