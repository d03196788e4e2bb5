"""Folders that Hugging Face's `save_to_disk` has written: one data set, or one for each split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from foretaste.contracts import Source
from foretaste.data import Mask
from foretaste.errors import UnreadableInput
from foretaste.files import Entry, Limits, Tree, tree
from foretaste.files.arrow_set import ArrowSet
from foretaste.files.pieces import Cells, Changes
from foretaste.files.tree import located
from foretaste.readers.arrow_file import open_ipc
from foretaste.roles import open_rows

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_LARGEST = 64 << 20  # bytes of a JSON file beside the data


@dataclass(frozen=True)
class HuggingFace:
    """Reads what `save_to_disk` wrote: all splits, unless the folder of one is named.

    Rows are in the order of the splits and of their files; a location is `file:row`, counted
    from 1, with the folder of the split before the file.
    """

    limits: Limits = field(default_factory=Limits)

    @classmethod
    def claims(cls, path: str) -> float:
        try:
            fs, folder = located(path)
            return float(any(fs.exists(f"{folder}/{name}") for name in (STATE, SPLITS)))
        except (UnreadableInput, OSError):
            return 0.0

    def open(self, path: str, roles: Mapping[str, str]) -> Source:
        found = tree(path, lambda name: name.endswith(".arrow"))
        rows = _Saved(replace(found, entries=_in_order(found)), open_ipc, self.limits, hollow=True)
        return open_rows("huggingface", rows, roles, rows.classes())


@dataclass(frozen=True)
class _Saved(ArrowSet):
    def write(self, out: Path, chosen: Mask) -> None:
        """The chosen rows, and the JSON files that make the folder load again.

        What names the content, as the fingerprint does, is changed with the content.
        """
        super().write(out, chosen)
        self._tell(out, b"" if chosen.all() else np.packbits(chosen).tobytes())

    def rewrite(self, out: Path, changes: Changes, added: Sequence[Cells]) -> None:
        """All rows, some with other values, and the JSON files that make the folder load again."""
        super().rewrite(out, changes, added)
        self._tell(out, repr((sorted(changes.items()), added)).encode())

    def _tell(self, out: Path, how: bytes) -> None:
        """Writes the files beside the rows; how: what makes the content another, if it is."""
        mark = hashlib.sha256(how).hexdigest()
        for name in _beside(self.tree):
            told = _json(self.tree, name)
            if "_fingerprint" in told and how:
                old = f"{told['_fingerprint']}{mark}".encode()
                told["_fingerprint"] = hashlib.sha256(old).hexdigest()[:16]
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(told, indent=2), "utf-8")


def _in_order(found: Tree) -> tuple[Entry, ...]:
    """The files that the states name, in their order; no others."""
    known = {entry.name: entry for entry in found.entries}
    listed = []
    for folder in _splits(found):
        for file in _json(found, f"{folder}{STATE}").get("_data_files", []):
            name = f"{folder}{file['filename']}"
            if name not in known:
                raise UnreadableInput(f"{found.url} lacks its file {name}")
            listed.append(known[name])
    return tuple(listed)


def _splits(found: Tree) -> list[str]:
    """The folders of the splits, each with a slash; one empty name if there are no splits."""
    fs, root = found.fs, found.root
    if not fs.exists(f"{root}/{SPLITS}"):
        return [""]
    return [f"{split}/" for split in _json(found, SPLITS).get("splits", [])]


def _beside(found: Tree) -> list[str]:
    names = [SPLITS, *(f"{folder}{name}" for folder in _splits(found) for name in (STATE, INFO))]
    return [name for name in names if found.fs.exists(f"{found.root}/{name}")]


def _json(found: Tree, name: str) -> dict[str, Any]:
    try:
        told = json.loads(found.read(name, _LARGEST))
    except (ValueError, RecursionError, OSError) as error:
        raise UnreadableInput(f"{found.url}: {name} is broken: {error}") from error
    if not isinstance(told, dict):
        raise UnreadableInput(f"{found.url}: {name} holds no object")
    return told
