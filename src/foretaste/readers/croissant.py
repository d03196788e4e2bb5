"""Data sets by their Croissant description: `croissant.json`, with the files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from foretaste import readers
from foretaste.contracts import Edits, Source
from foretaste.data import Batch, Mask
from foretaste.errors import UnreadableInput
from foretaste.files import Limits, head
from foretaste.files.croissant_labels import check_labels
from foretaste.files.croissant_parts import Field, Table, resources_of, tables_of
from foretaste.files.croissant_terms import LARGEST, claimed, description_of
from foretaste.files.listing import FOLDER, SUFFIX
from foretaste.files.redescribing import redescribed, repacked, written
from foretaste.files.staging import Stage, Staged
from foretaste.files.tree import located, opened

NAME = "croissant.json"
KINDS = (".json", ".jsonld")
READERS = {
    "text/csv": "delimited",
    "text/tsv": "delimited",
    "text/tab-separated-values": "delimited",
    "application/jsonlines": "json_lines",
    "application/jsonl": "json_lines",
    "application/x-ndjson": "json_lines",
    "application/json": "json_array",
    "application/x-parquet": "parquet",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.file": "arrow_file",
    "application/vnd.apache.arrow.stream": "arrow_file",
}


@dataclass(frozen=True)
class Croissant:
    """Reads the files that a Croissant description names, each only once its SHA-256 is right.

    `croissant.json#ratings` is one of several record sets. Fields that are images or labels play
    those roles; the rest is inferred. Files lie beside the description, at its own address or on
    this machine: nothing is fetched because a description says so. Joins of several files are not
    followed, nor are values changed by transforms. What no checksum covers is noted.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        try:
            place = _place(path)[0]
        except (UnreadableInput, OSError, ValueError):
            return 0.0
        return 0.99 if place and claimed(head(place)) else 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        place, wanted = _place(path)
        if not place:
            raise UnreadableInput(f"{path}: no Croissant description is there")
        said = description_of(_content(place), place.rpartition("/")[2])
        stage = Stage(place, resources_of(said), self.limits)
        opening = _Opening(path, place, said, stage, roles)
        tables = tables_of(said)
        if not tables and not wanted:
            return opening.files()
        table = _chosen(tables, wanted, path)
        pictures = [
            one for one in table.fields if one.property == "content" and "ImageObject" in one.types
        ]
        return opening.images(table, pictures[0]) if pictures else opening.rows(table)


@dataclass(frozen=True)
class _Opening:
    """A description that was read, of which the files are now to be read."""

    path: str
    place: str
    said: Mapping[str, Any]
    stage: Stage
    roles: Mapping[str, str]

    def rows(self, table: Table) -> Source:
        """A table in files."""
        if len(table.resources) > 1:
            some = ", ".join(table.resources[:5])
            raise UnreadableInput(f"{self.path}: {table.id} joins {some}; joins are not followed")
        if not any(one.column for one in table.fields):
            raise UnreadableInput(
                f"{self.path}: {table.id} has no field with a column; records that are lines or "
                "whole files, other than images, are not read"
            )
        for one in table.fields:
            if one.changed:
                note = f"{one.id} is read as it stands: its transform is not followed"
                self.stage.notes[note] = None
        staged = self.stage.laid(table.resources[0])
        formats = self.stage.resource(table.resources[0]).formats
        only = next((READERS[one] for one in formats if one in READERS), None)
        columns = {one.column: one for one in table.fields if one.column}
        inner = _files(staged.path, {**_roles(columns), **self.roles}, only)
        lacking = [name for name in columns if name not in inner.columns]
        if lacking:
            raise UnreadableInput(
                f"{self.path}: {table.id} has a field of column {lacking[0]!r}, which the file has "
                f"not; it has {', '.join(inner.columns[:20])}"
            )
        return self._described(inner, staged)

    def images(self, table: Table, content: Field) -> Source:
        """A set of image files."""
        staged = self.stage.laid(content.resource)
        labels = [one for one in table.fields if "Label" in one.types]
        told = {"label": labels[0].column} if len(labels) == 1 and labels[0].column else {}
        inner: Any = readers.open(staged.path, {**told, **self.roles}, "image_folder")
        for one in labels:
            if one.property and "label" not in self.roles:
                inside = self.stage.resource(content.resource).inside
                lead = "" if inside or not staged.base else f"{staged.base}/"
                check_labels(one, lead, staged.files, int(inner.split))
        return self._described(inner, staged)

    def files(self) -> Source:
        """Files without record sets: their own formats say what they are."""
        every = self.stage.resources.values()
        holders = {name for one in every for name in one.inside}
        sets = any(one.many for one in every)  # then folders are where they are
        names = [
            one.id
            for one in every
            if one.id not in holders
            and not one.url.endswith(SUFFIX)
            and not (sets and FOLDER in one.formats)
        ]
        one = len(names) == 1
        staged = self.stage.laid(names[0]) if one else self.stage.together(names)
        return self._described(_files(staged.path, self.roles, None), staged)

    def _described(self, inner: Source, staged: Staged) -> Source:
        return Described(self.path, self.place, inner, self.said, self.stage, staged)


@dataclass(frozen=True)
class Described:
    """An opened data set with its description, which is written along with it.

    inner: the files, read as what they are
    """

    path: str
    place: str
    inner: Source = field(repr=False)
    said: Mapping[str, Any] = field(repr=False)
    stage: Stage = field(repr=False)
    staged: Staged = field(repr=False)

    @property
    def format(self) -> str:
        """`croissant/` and the format of the files."""
        return f"croissant/{self.inner.format}"

    @property
    def roles(self) -> Mapping[str, str]:
        """Role -> the column it was read from."""
        return self.inner.roles

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the files."""
        return self.inner.columns

    @property
    def rows(self) -> Any:
        """The rows as they stand in the files, where those have named columns."""
        return getattr(self.inner, "rows", None)

    @property
    def shape(self) -> Any:
        """What columns mean, where the files have named columns."""
        return getattr(self.inner, "shape", None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd but was read all the same, and what no checksum covers."""
        return (*self.stage.notes, *getattr(self.inner, "notes", ()))

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.inner)

    def write(self, out: Path, chosen: Mask) -> None:
        """Writes the chosen rows in files as those read, and a description of them."""
        self._put(out, lambda where: self.inner.write(where, chosen))

    def rewrite(self, out: Path, edits: Edits) -> Mapping[int, str]:
        """Writes all rows, some of them changed, and a description of them."""
        moved: dict[int, str] = {}
        self._put(out, lambda where: moved.update(self.inner.rewrite(where, edits)))
        return moved

    def _put(self, out: Path, write: Callable[[Path], None]) -> None:
        staged = self.staged
        if staged.packed:
            with TemporaryDirectory(prefix="foretaste-") as folder:
                inside = "" if staged.files else staged.base.rpartition("/")[0]
                write(Path(folder) / inside)
                if any(path.is_file() for path in Path(folder).rglob("*")):
                    repacked(Path(folder), out / staged.packed[0], self._first(staged.packed[0]))
        else:
            write(out / (staged.base if staged.files else staged.base.rpartition("/")[0]))
        if any(path.is_file() for path in out.rglob("*")):
            said = redescribed(self.said, out, self._places())
            (out / self.place.rpartition("/")[2]).write_bytes(written(said))

    def _first(self, archive: str) -> bytes:
        return head(f"{self.place.rpartition('/')[0]}/{archive}", 512)

    def _places(self) -> dict[str, str]:
        """Where the files lie that are described by an address."""
        bases = self.staged.packed or (() if self.staged.files else (self.staged.base,))
        found = {}
        for one in self.stage.resources.values():
            for base in bases:
                if one.url != base and base in (one.url.rpartition("/")[2], one.id):
                    found[one.id] = base
        return found


def _place(path: str) -> tuple[str, str]:
    """Where the description is, and which of its record sets is asked for."""
    fs, inside = located(path)
    wanted = ""
    if "#" in path and not fs.exists(inside):
        path, _, wanted = path.rpartition("#")
        fs, inside = located(path)
    if not fs.isdir(inside):
        return (path if fs.isfile(inside) else ""), wanted
    folder = path.rstrip("/")
    names = sorted(str(one).rpartition("/")[2] for one in fs.ls(inside, detail=False))
    named = [NAME] if NAME in names else [name for name in names if name.endswith(KINDS)][:20]
    sure = [f"{folder}/{name}" for name in named if claimed(head(f"{folder}/{name}"))]
    return (sure[0] if sure and (NAME in names or len(sure) == 1) else ""), wanted


def _content(place: str) -> bytes:
    fs, inside = located(place)
    with opened(fs, inside) as stream:
        return bytes(stream.read(LARGEST + 1))


def _chosen(tables: list[Table], wanted: str, path: str) -> Table:
    known = ", ".join(table.id for table in tables[:20])
    if wanted:
        found = [table for table in tables if wanted in (table.id, table.name)]
        if len(found) != 1:
            raise UnreadableInput(f"{path}: no record set {wanted!r}; there are {known}")
        return found[0]
    if len(tables) > 1:
        raise UnreadableInput(
            f"{path} has several record sets; say which: {path}#{tables[0].id}, or of {known}"
        )
    return tables[0]


def _files(path: str, roles: Mapping[str, str], only: str | None) -> Source:
    """What was described, as what it is; never another description."""
    return readers.open(path, roles, only or readers.surest(path, but=("croissant",)))


def _roles(columns: Mapping[str, Field]) -> dict[str, str]:
    """What the types of fields say for certain."""
    kinds = {"label": "Label", "image": "ImageObject"}
    found = {
        role: [name for name, one in columns.items() if kind in one.types]
        for role, kind in kinds.items()
    }
    return {role: names[0] for role, names in found.items() if len(names) == 1}
