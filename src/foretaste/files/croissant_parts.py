"""The parts of a Croissant description: files, sets of files, tables of records."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from foretaste.errors import UnreadableInput, UnsafeInput
from foretaste.files.croissant_terms import bare

MOST = 200_000  # files, fields, record sets
PATTERNS = 1_000  # of one set of files
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_PATH = re.compile(r"\$(?:\[\*\]|\.\w+|\[\d+\])*(?:\.(\w+)|\['([^'\]]+)'\])")
_ENUMERATIONS = ("Enumeration", "Split")


@dataclass(frozen=True)
class Resource:
    """One file, or a set of files.

    url:      of a file: where it lies
    sha256:   of a file, in hexadecimal, or empty
    formats:  media types
    inside:   ids of what it is contained in
    includes, excludes: of a set: patterns
    """

    id: str
    many: bool
    url: str = ""
    sha256: str = ""
    formats: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @property
    def lead(self) -> str:
        """What the paths of a folder's files begin with; nothing for the description's own.

        >>> Resource("a", False, "./images/").lead, Resource("a", False, ".").lead
        ('images/', '')
        """
        url = self.url.removeprefix("./").rstrip("/")
        return f"{url}/" if url not in ("", ".") else ""

    def takes(self) -> Callable[[str], bool]:
        """Whether a path is of this set; a star goes over folders, as others have it, too.

        Raises `UnreadableInput` for a set without patterns, or with too many.
        """
        if not self.includes or len(self.includes) + len(self.excludes) > PATTERNS:
            raise UnreadableInput(f"{self.id}: a set of files by {len(self.includes):,} patterns")
        yes, no = (
            [re.compile(fnmatch.translate(pattern)) for pattern in patterns]
            for patterns in (self.includes, self.excludes)
        )
        return lambda name: any(p.match(name) for p in yes) and not any(p.match(name) for p in no)


@dataclass(frozen=True)
class Field:
    """One column of a table, or one property of each file.

    resource: id of what it comes from; column: its name there; property: content, fullpath …
    """

    id: str
    types: tuple[str, ...]
    resource: str
    column: str = ""
    property: str = ""
    regex: str = ""
    changed: bool = False  # by a transform that is not followed here


@dataclass(frozen=True)
class Table:
    """A record set that has its data in files."""

    id: str
    name: str
    fields: tuple[Field, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        """Ids of what its fields come from."""
        return tuple(dict.fromkeys(field.resource for field in self.fields))


def resources_of(said: Mapping[str, Any]) -> dict[str, Resource]:
    """Files and sets of files, by id."""
    found: dict[str, Resource] = {}
    for node in _nodes(said.get("distribution"), "distribution"):
        one = _resource(node)
        if one.id in found:
            raise UnsafeInput(f"two files are called {one.id[:80]!r}")
        found[one.id] = one
    if not found:
        raise UnreadableInput("it names no files: its distribution is empty")
    return found


def tables_of(said: Mapping[str, Any]) -> list[Table]:
    """The record sets that have their data in files; not those of which it stands in them."""
    tables = []
    for node in _nodes(said.get("recordSet"), "recordSet"):
        kinds = {bare(kind) for kind in _texts(node.get("dataType"))}
        if "data" in node or kinds & {*_ENUMERATIONS}:
            continue
        fields = tuple(one for one in _fields(node.get("field"), 0) if one.resource)
        if fields:
            tables.append(Table(_id(node), _text(node.get("name")) or _id(node), fields))
    return tables


def _resource(node: Mapping[str, Any]) -> Resource:
    kinds = {bare(kind) for kind in _texts(node.get("@type"))}
    many = "FileSet" in kinds
    if not many and "FileObject" not in kinds:
        raise UnreadableInput(f"{_id(node)!r} is of type {sorted(kinds)}: no FileObject or FileSet")
    digest = _text(node.get("sha256")).strip()
    formats = _texts(node.get("encodingFormat"))
    inside = tuple(_reference(one) for one in _listed(node.get("containedIn")))
    if "git+https" in formats:
        digest = ""  # of a repository there is none
    return Resource(
        _id(node), many, _text(node.get("contentUrl")), _hexadecimal(_id(node), digest), formats,
        inside, _texts(node.get("includes")), _texts(node.get("excludes")),
    )  # fmt: skip


def _hexadecimal(name: str, digest: str) -> str:
    if not digest or _HEX.fullmatch(digest):
        return digest.lower()
    try:
        decoded = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != 32:
        raise UnreadableInput(f"{name[:80]!r} has {digest[:80]!r}, which is no SHA-256")
    return decoded.hex()


def _fields(nodes: Any, depth: int) -> Iterator[Field]:
    if depth > 8:
        raise UnsafeInput("fields in fields in fields without end")
    for node in _nodes(nodes, "field"):
        if node.get("subField"):
            yield from _fields(node["subField"], depth + 1)
        elif isinstance(node.get("source"), Mapping):
            yield _field(node, node["source"])


def _field(node: Mapping[str, Any], source: Mapping[str, Any]) -> Field:
    extract = source.get("extract")
    extract = extract if isinstance(extract, Mapping) else {}
    transforms = [one for one in _listed(source.get("transform")) if isinstance(one, Mapping)]
    where = next((source[key] for key in ("fileObject", "fileSet") if key in source), None)
    regexes = [_text(one["regex"]) for one in transforms if "regex" in one]
    return Field(
        _id(node),
        tuple(bare(kind) for kind in _texts(node.get("dataType"))),
        "" if where is None else _reference(where),
        _text(extract.get("column")) or _last(_text(extract.get("jsonPath"))),
        _text(extract.get("fileProperty")),
        regexes[0] if len(regexes) == len(transforms) == 1 else "",
        bool(transforms) or bool(source.get("format")),
    )


def _last(path: str) -> str:
    """The key that a path through JSON ends in.

    >>> _last("$.rows[*].text"), _last("$..book[?(@.price)]")
    ('text', '')
    """
    found = _PATH.fullmatch(path) if len(path) < 1_000 else None
    return (found.group(1) or found.group(2)) if found else ""


def _nodes(value: Any, what: str) -> list[Mapping[str, Any]]:
    nodes = _listed(value)
    if len(nodes) > MOST:
        raise UnsafeInput(f"{len(nodes):,} parts of its {what}; at most {MOST:,} are read")
    if not all(isinstance(node, Mapping) for node in nodes):
        raise UnreadableInput(f"its {what} has parts that are no objects")
    return nodes


def _id(node: Mapping[str, Any]) -> str:
    name = _text(node.get("@id")) or _text(node.get("name"))
    if not name:
        raise UnreadableInput("a part of it has neither @id nor name")
    return name


def _reference(value: Any) -> str:
    name = _text(value.get("@id")) if isinstance(value, Mapping) else _text(value)
    if not name:
        raise UnreadableInput(f"{str(value)[:80]!r} refers to nothing by its @id")
    return name


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in _listed(value) if isinstance(one, str))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
