"""The files of a data set, as a Croissant description lists them."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretaste.contracts import Source
from foretaste.errors import BadInput
from foretaste.files import kind_of
from foretaste.files.croissant_parts import PATTERNS
from foretaste.files.label_files import NAMES
from foretaste.files.listing import FOLDER, SUFFIX, digest_of, listing
from foretaste.files.tree import Tree

FORMATS = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines", ".json": "application/json",
    ".parquet": "application/x-parquet", ".pq": "application/x-parquet",
    ".arrow": "application/vnd.apache.arrow.file", ".png": "image/png", ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg", ".gif": "image/gif", ".bmp": "image/bmp", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip
OTHER = "application/octet-stream"


@dataclass(frozen=True)
class Laid:
    """The distribution, and what a record set says of where its records are.

    nodes:  FileObjects and FileSets; digest: SHA-256 of the file, or of the list of files
    main:   id of what the records are in; many: whether that is a set; base: the set's folder
    files:  what has to lie beside the description: name -> content
    """

    nodes: list[dict[str, Any]]
    digest: str
    main: str
    base: str = ""
    many: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def distribution(source: Source, data: Path, where: Path) -> Laid:
    """The files that an opened data set is made of, each covered by a checksum."""
    if data.is_dir():
        names, lists = _of_folder(source, data)
        return _folder(names, lists, data, where)
    files = [data.parent / name for name in _beside(source)] or [data]
    nodes = [_file(path, where) for path in sorted(files)]
    main = next(node for node in nodes if node["contentUrl"] == _below(data, where))
    return Laid(nodes, main["sha256"], main["@id"])


def _of_folder(source: Any, data: Path) -> tuple[list[str], list[str]]:
    """Files with rows in them, and files that say more about those."""
    tree = getattr(getattr(source, "rows", None), "tree", None)
    if isinstance(tree, Tree) and source.format.split("/")[0] != "huggingface":
        return [entry.name for entry in tree.entries], []
    if source.format == "image_folder":
        names = [row.leaf.path for row in source.rows if row.copied and not row.leaf.fault]
        return names, [name for name in source.labels.heads if name in NAMES]
    return _beside(source) or [
        path.relative_to(data).as_posix()
        for path in sorted(data.rglob("*"))
        if path.is_file() and "/." not in f"/{path.relative_to(data).as_posix()}"
    ], []


def _beside(source: Any) -> list[str]:
    """The names of files that belong together, of formats that have several."""
    pairs = getattr(source, "pairs", ())
    return [file.stored.name for pair in pairs for file in pair.values()]


def _folder(names: list[str], lists: list[str], data: Path, where: Path) -> Laid:
    if not names:
        raise BadInput(f"{data}: no file in it can be described")
    below = _below(data, where)
    name = identifier(below or "files")
    content = listing(names, lambda one: (data / one).open("rb"))
    digest = hashlib.sha256(content).hexdigest()
    holder = {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": f"A folder; its checksum is that of {name}{SUFFIX}, the list of its files.",
        "contentUrl": below or ".",
        "encodingFormat": FOLDER,
        "sha256": digest,
    }
    listed = {
        "@type": "cr:FileObject",
        "@id": f"{name}{SUFFIX}",
        "name": f"{name}{SUFFIX}",
        "description": "SHA-256 and name of each file, as sha256sum writes them.",
        "contentUrl": f"{name}{SUFFIX}",
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/plain",
        "sha256": digest,
    }
    formats = sorted({FORMATS.get(kind_of(one), OTHER) for one in names})
    members = {
        "@type": "cr:FileSet",
        "@id": f"{name}/files",
        "name": f"{name}/files",
        "encodingFormat": formats if len(formats) > 1 else formats[0],
        "includes": [
            f"{_literal(below)}/{one}".lstrip("/") for one in _patterns(names, data, name + SUFFIX)
        ],
    }
    more = [_file(data / one, where) for one in lists]
    nodes: list[dict[str, Any]] = [holder, listed, members, *more]
    return Laid(nodes, digest, f"{name}/files", below, True, {f"{name}{SUFFIX}": content})


def _patterns(names: list[str], data: Path, own: str) -> list[str]:
    """Patterns that take these files and no others."""
    kinds = sorted({f"*{Path(name).suffix}" for name in names})
    tests = [re.compile(fnmatch.translate(kind)) for kind in kinds]
    there = [path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()]
    there = [name for name in (*there, own, "croissant.json") if "/." not in f"/{name}"]
    if {name for name in there if any(test.match(name) for test in tests)} == {*names}:
        return kinds
    if len(names) > PATTERNS:
        raise BadInput(
            f"{data}: {len(names):,} files lie among others of the same kinds; lay the description "
            "beside the folder instead of into it, or the other files elsewhere"
        )
    return [_literal(name) for name in sorted(names)]


def _literal(name: str) -> str:
    """A pattern that takes this name alone."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def identifier(name: str) -> str:
    """A name without spaces, as ids must be.

    >>> identifier("my rows/a b.csv")
    'my_rows/a_b.csv'
    """
    return re.sub(r"\s+", "_", name.strip())


def _file(path: Path, where: Path) -> dict[str, Any]:
    name = _below(path, where)
    with path.open("rb") as stream:
        digest = digest_of(stream)
    return {
        "@type": "cr:FileObject",
        "@id": identifier(name),
        "name": path.name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": FORMATS.get(kind_of(path.name), OTHER),
        "sha256": digest,
    }


def _below(path: Path, where: Path) -> str:
    name = path.relative_to(where).as_posix()
    return "" if name == "." else name
