"""Readers: a path, URL or table in memory -> `Source`. One file a format."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from foretaste import registry
from foretaste.contracts import Source
from foretaste.errors import MissingExtra, UnknownFormat, UnreadableInput
from foretaste.files import tree

SAME = {
    "csv": "delimited", "tsv": "delimited", "jsonl": "json_lines", "ndjson": "json_lines",
    "json": "json_array", "arrow": "arrow_file", "feather": "arrow_file", "npz": "numpy_archive",
    "images": "image_folder",
}  # fmt: skip


def open(  # noqa: A001 (as in readers.open)
    path: Any, roles: Mapping[str, str] | None = None, only: str | None = None
) -> Source:
    """Opens a data set with the reader that is surest of it.

    path:  a file, a folder or glob of files of one format, an fsspec URL, or a table in memory
    roles: role -> column, as in {"label": "y", "features": "a,b", "source": ""}; "" is none
    only:  the reader or suffix to use, instead of asking them all
    """
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        only, path = only or "in_memory", path
    name = SAME.get(only, only) if only else surest(path)
    source: Source = registry.build("readers", name).open(path, dict(roles or {}))
    return source


def surest(path: str, but: Collection[str] = ()) -> str:
    """The reader that claims a path most; of several as sure, the first by name.

    but: readers that are not asked
    """
    names = [name for name in registry.names("readers") if name not in but]
    claims = {name: _claim(name, path) for name in names}
    best = max(claims, key=lambda name: claims[name], default="")
    if not claims or claims[best] <= 0:
        raise UnknownFormat(f"{_found(path)}; readable are {', '.join(claims)}")
    return best


def _claim(name: str, path: str) -> float:
    try:
        return float(registry.component("readers", name).claims(path))
    except (MissingExtra, ImportError):
        return 0.0


def _found(path: str) -> str:
    every = tree(path, lambda name: True)
    if not every.entries:
        raise UnreadableInput(f"there are no files in {path}")
    first = every.entries[0]
    with every.open(first) as stream:
        start = stream.read(16)
    if every.single and not start:
        raise UnreadableInput(f"{path} is empty")
    files = "a file" if every.single else f"{len(every.entries)} files, the first of which"
    return f"no reader recognises {path}: {files} beginning with {start!r}"
