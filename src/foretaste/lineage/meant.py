"""From the words of a question to what is looked for: a file, a folder, a row, a digest, a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foretaste import readers
from foretaste.checkpoints.listing import listed
from foretaste.contracts import Source
from foretaste.data import Batch
from foretaste.errors import BadInput, ForetasteError, UnreadableInput
from foretaste.files.streams import sha256
from foretaste.lineage.rows import RowWanted
from foretaste.lineage.wanted import Wanted
from foretaste.versions import row_digests, version_of

_ROW = re.compile(r"(?:row:)?([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class Words:
    """How to understand what somebody says.

    row:    whether it is a row: its digest, or its content as a JSON object
    roles, format: of data sets, as for a scan
    """

    row: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None

    def meant(self, said: str) -> Wanted | RowWanted:
        """What is meant.

        A path comes before a name: of what is at hand its content counts, not what it is called.
        PATH#INDEX is a row, unless the ledger calls something so.
        Raises `BadInput` for a row that is not there.
        """
        path, _, index = said.rpartition("#")
        if path and index.isdecimal() and Path(path).exists():
            return Wanted(said, row=lambda: self._at(path, int(index)))
        if self.row or said.startswith("row:"):
            return self._row(said)
        local = Path(said)
        if local.is_file():
            return Wanted(said, {"sha256": _content(local)}, lambda: self._version(said))
        if local.is_dir():
            return Wanted(said, self._listed(local), lambda: self._version(said))
        return Wanted(said)

    def _row(self, said: str) -> RowWanted:
        digest = _ROW.fullmatch(said)
        if digest:
            return RowWanted(said, bytes.fromhex(digest.group(1)))
        try:
            content = json.loads(said.removeprefix("row:"))
        except ValueError as error:
            raise BadInput(
                f"{said[:80]!r} is no row: give 64 hexadecimal digits, or its columns as a JSON "
                'object: {"label": "ham", "text": "see you"}'
            ) from error
        rows = self._source([content] if isinstance(content, dict) else content)
        return RowWanted(said, _digest(next(iter(rows)), 0))

    def _at(self, path: str, index: int) -> bytes:
        """The digest of the row with that index, in reading order from 0."""
        for batch in self._source(path):
            found = np.flatnonzero(batch["index"] == index)
            if len(found):
                return _digest(batch, int(found[0]))
        raise BadInput(f"{path} has no row {index} that can be read")

    def _listed(self, folder: Path) -> dict[str, str]:
        """What a model that is a folder goes by: the digest that an inspection tells."""
        try:
            return {"sha256": listed(folder).digest()}
        except UnreadableInput as error:
            raise BadInput(f"{folder} is nothing that a ledger can know: {error}") from error

    def _version(self, path: str) -> dict[str, str]:
        """The root over the rows of a data set; nothing where it is none."""
        try:
            return {"rows": version_of(self._source(path)).root}
        except ForetasteError:
            return {}

    def _source(self, path: Any) -> Source:
        return readers.open(path, self.roles, self.format if isinstance(path, str) else None)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return sha256(stream)
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error}") from error


def _digest(batch: Batch, row: int) -> bytes:
    return row_digests(batch.take(np.array([row])))[0].tobytes()
