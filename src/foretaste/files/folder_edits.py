"""Edits of a folder of images: other pixels, another folder, another line in a label file."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from foretaste.data import Array
from foretaste.errors import BadInput
from foretaste.files.folders import Leaf, Tree
from foretaste.files.json_text import retold
from foretaste.files.label_files import FILE, LabelFiles, Line
from foretaste.files.lines import Writing
from foretaste.files.pictures import encoded

LARGEST = 64 << 20  # bytes of an image file


@dataclass
class Edited:
    """What has become of one file: its path, its content where that is new, columns of its line."""

    path: str
    content: bytes | None = None
    cells: dict[str, str | None] = field(default_factory=dict)


@dataclass
class FolderEdits:
    """Makes edits of files, and remembers what they change elsewhere.

    depth:   how many folders stand above that of the class
    columns: role -> column of the label files; "file" for the image, "folder" for the class
    folders: class -> the name of its folder
    taken:   every path there is
    lines:   number of a line -> its new text; more: label file -> new lines
    """

    tree: Tree
    labels: LabelFiles
    depth: int
    columns: Mapping[str, str]
    folders: Mapping[str, str]
    taken: set[str]
    lines: dict[int, str] = field(default_factory=dict)
    more: dict[str, list[str]] = field(default_factory=dict)

    def changed(self, leaf: Leaf, new: Mapping[str, Any]) -> Edited:
        """A file that is to say other things."""
        edited = self._edited(leaf, new)
        if edited.path != leaf.path:
            self.taken.add(edited.path)
        numbers = self.labels.about.get(leaf.path, ())
        if edited.cells and not numbers:
            some = next(iter(edited.cells))
            raise BadInput(
                f"no label file says the {some} of {leaf.location}; it cannot be changed"
            )
        for number in numbers:
            line = self.labels.lines[number]
            cells = {**edited.cells, **_renamed(line, leaf.path, edited.path)}
            self.lines[number] = _line(self.labels, line, cells)
        return edited

    def fresh(self, like: Leaf, new: Mapping[str, Any]) -> Edited:
        """A new file beside one of the same class."""
        edited = self._edited(like, new)
        edited.path = free(edited.path, self.taken)
        self.taken.add(edited.path)
        numbers = self.labels.about.get(like.path, ())
        if edited.cells and not numbers:
            raise BadInput(f"no label file says what the new {edited.path} would need")
        if numbers:
            line = self.labels.lines[numbers[0]]
            empty = dict.fromkeys(line.said)
            cells = {**empty, **edited.cells, **_renamed(line, "", edited.path)}
            self.more.setdefault(line.label_file, []).append(_line(self.labels, line, cells))
        return edited

    def _edited(self, leaf: Leaf, new: Mapping[str, Any]) -> Edited:
        edited = Edited(leaf.path)
        for role, value in new.items():
            column = self.columns.get(role)
            if column is None or (column == "file" and role != "image"):
                raise BadInput(f"this folder of images does not say {role}; it cannot be changed")
            if role == "image":
                edited.content = self._image(leaf, value)
            elif column == "folder":
                edited.path = self._moved(leaf.path, value)
            else:
                edited.cells[column] = _said(value)
        return edited

    def _image(self, leaf: Leaf, pixels: Array) -> bytes:
        return encoded(pixels, self.tree.read(leaf, LARGEST))

    def _moved(self, path: str, label: str | None) -> str:
        folder = self.folders.get(str(label))
        if folder is None:
            raise BadInput(f"there is no folder of the class {label!r} to put {path} into")
        return moved(path, self.depth, folder, self.taken)


def moved(path: str, depth: int, folder: str, taken: Collection[str]) -> str:
    """The path of a file in another class folder, its name as it was where that is free.

    depth: how many folders stand above that of the class

    >>> moved("train/cat/1.png", 1, "dog", {"train/dog/1.png"})
    'train/dog/1_1.png'
    """
    parts = path.split("/")
    if len(parts) < depth + 2:
        raise BadInput(f"{path} is in no class folder, so its class cannot be changed")
    there = "/".join([*parts[:depth], folder, *parts[depth + 1 :]])
    return path if there == path else free(there, taken)


def free(path: str, taken: Collection[str]) -> str:
    """The path, with a number where there is a file of that name already.

    >>> free("a.png", {"a.png", "a_1.png"})
    'a_2.png'
    """
    stem, suffix = posixpath.splitext(path)
    number = 0
    while path in taken:
        number += 1
        path = f"{stem}_{number}{suffix}"
    return path


def _line(labels: LabelFiles, line: Line, cells: Mapping[str, str | None]) -> str:
    """The line of a label file with other values; a list with a header must have those columns."""
    if line.label_file.endswith(".jsonl"):
        old = json.loads(line.raw)
        words = {k for k in cells if isinstance(old.get(k, ""), str)}
        plain = {k: v if k in words else _as_json(v) for k, v in cells.items()}
        return retold(line.raw.strip().encode(), plain, Writing()).decode() + "\n"
    lacking = [name for name in cells if name not in line.said]
    if lacking:
        raise BadInput(f"{line.label_file} says no {lacking[0]} of {line.path}")
    head = next(csv.reader(io.StringIO(labels.heads[line.label_file])))
    names = [name.strip().lstrip("\ufeff") for name in head]
    out = io.StringIO(newline="")
    end = "\r\n" if line.raw.endswith("\r\n") else "\n"
    csv.writer(out, lineterminator=end).writerow([cells.get(n, line.said[n]) or "" for n in names])
    return out.getvalue()


def _renamed(line: Line, old: str, path: str) -> dict[str, str]:
    """The cell that makes a line about another path: relative to the folder of its label file."""
    if old == path:
        return {}
    column = next(column for column in FILE if line.said.get(column))
    return {column: posixpath.relpath(path, posixpath.dirname(line.label_file) or ".")}


def _said(value: Any) -> str | None:
    """A value as a label file has it."""
    if value is None or isinstance(value, str):
        return value
    if value != value:
        return None
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _as_json(value: str | None) -> Any:
    """A value that was no text, as JSON has it."""
    try:
        return json.loads(value or "null")
    except ValueError:
        return value
