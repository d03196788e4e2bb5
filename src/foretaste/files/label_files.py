"""Lists beside files that say more about them, such as `metadata.csv` or `metadata.jsonl`."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from foretaste.errors import UnreadableInput
from foretaste.files.folders import Leaf, Tree, printable

NAMES = ("metadata.csv", "metadata.jsonl", "labels.csv")
KINDS = (".csv", ".jsonl")
FILE = ("file_name", "filename", "file", "image", "path", "image_path")
LARGEST = 1 << 28  # bytes
LOOK_AT = 20  # lines of a list of another name: one of them must be about a file that is there
Said = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of a label file says of one file."""

    label_file: str
    raw: str  # as it stands, with its line break
    path: str  # of the file it is about
    said: Said


@dataclass(frozen=True)
class LabelFiles:
    """Every label file of a folder; grows with their lines.

    heads: label file -> its header line, empty for JSON lines
    about: path of a file -> numbers of the lines about it
    """

    lines: tuple[Line, ...]
    heads: dict[str, str]
    about: dict[str, tuple[int, ...]]
    columns: tuple[str, ...]

    @classmethod
    def read(cls, tree: Tree, leaves: Iterable[Leaf], known: Collection[str] = NAMES) -> LabelFiles:
        """Reads those with a column of file names, if `known` or about files that are there."""
        leaves = [leaf for leaf in leaves if not leaf.fault]
        there = {leaf.path for leaf in leaves}
        lines: list[Line] = []
        heads: dict[str, str] = {}
        for leaf in leaves:
            if not leaf.path.endswith(KINDS):
                continue
            sure = leaf.path in known or leaf.path.rpartition("/")[2] in known
            head, found = _lines(tree, leaf, None if sure else there)
            if found is not None:
                heads[leaf.path] = head
                lines.extend(found)
        about: dict[str, list[int]] = {}
        for at, line in enumerate(lines):
            about.setdefault(line.path, []).append(at)
        columns = dict.fromkeys(name for line in lines for name in line.said if name not in FILE)
        numbers = {path: tuple(found) for path, found in about.items()}
        return cls(tuple(lines), heads, numbers, tuple(columns))

    def value(self, path: str, column: str) -> str | None:
        """What the first line about a file has in a column."""
        numbers = self.about.get(path)
        return (self.lines[numbers[0]].said.get(column) or None) if numbers else None

    def write(
        self,
        out: Path,
        chosen: Collection[int],
        changed: Mapping[int, str] | None = None,
        added: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Each label file again, with the chosen lines in their order.

        changed: number of a line -> what stands there now; added: label file -> more lines
        """
        for path, head in self.heads.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            with (out / path).open("x", encoding="utf-8", newline="") as file:
                file.write(head)
                for at, line in enumerate(self.lines):
                    if line.label_file == path and at in chosen:
                        raw = (changed or {}).get(at, line.raw)
                        file.write(raw if raw.endswith("\n") else raw + "\n")
                file.writelines((added or {}).get(path, ()))


def _lines(
    tree: Tree, leaf: Leaf, there: Collection[str] | None
) -> tuple[str, Iterator[Line] | None]:
    """Header and lines; no lines where this is no list of files, or of none of those `there`."""
    try:
        head, lines = _records(leaf, _text(tree, leaf))
        first = list(islice(lines or (), LOOK_AT))
    except UnreadableInput:
        if there is None:
            raise
        return "", None  # some other table, which is not ours to judge
    if lines is None or (there is not None and not any(line.path in there for line in first)):
        return head, None
    return head, chain(first, lines)


def _text(tree: Tree, leaf: Leaf) -> str:
    try:
        return tree.read(leaf, LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(
            f"{leaf.location}: {error}; save it as UTF-8 text, or rename it to leave it out"
        ) from error


def _records(leaf: Leaf, text: str) -> tuple[str, Iterator[Line] | None]:
    """The header and the lines of a label file; None where it names no files."""
    if leaf.path.endswith(".jsonl"):
        head, pairs = "", _json(leaf, text)
    else:
        rows = _csv(leaf, text)
        head, names = next(rows, ("", []))
        names = [name.strip().lstrip("\ufeff") for name in names]
        pairs = ((raw, _said(leaf, names, fields)) for raw, fields in rows if any(fields))
        if not set(FILE) & set(names):
            return head, None
    return head, (Line(leaf.path, raw, _beside(leaf.path, said), said) for raw, said in pairs)


def _csv(leaf: Leaf, text: str) -> Iterator[tuple[str, list[str]]]:
    """Each record with the text it was read from, which may span lines."""
    used: list[str] = []

    def noted() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            used.append(line)
            yield line

    reader = csv.reader(noted(), strict=True)
    try:
        for fields in reader:
            yield "".join(used), fields
            used.clear()
    except csv.Error as error:
        raise UnreadableInput(f"{leaf.location}:{reader.line_num}: {error}") from error


def _said(leaf: Leaf, names: list[str], fields: list[str]) -> Said:
    if len(fields) != len(names):
        raise UnreadableInput(
            f"{leaf.location}: {len(fields)} fields where the header has {len(names)}: {fields[:3]}"
        )
    return dict(zip(names, fields, strict=True))


def _json(leaf: Leaf, text: str) -> Iterator[tuple[str, Said]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableInput(f"{leaf.location}:{number}: {error}") from error
        if not isinstance(said, dict):
            raise UnreadableInput(f"{leaf.location}:{number}: not a JSON object")
        yield line + "\n", {printable(name): _string(value) for name, value in said.items()}


def _string(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return printable(value) if value else value
    return json.dumps(value)


def _beside(label_file: str, said: Said) -> str:
    """The path a line is about: relative to the folder of its label file."""
    name = next((said[column] for column in FILE if said.get(column)), "") or ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(label_file), name))
