"""New values of roles as cells of the columns they are read from: reading, backwards."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretaste.data import Array
from foretaste.errors import BadInput
from foretaste.files.pictures import encoded
from foretaste.files.pieces import Cells
from foretaste.roles.cell_values import number_cell, text_cell, time_cell
from foretaste.roles.images import LARGEST, Beside
from foretaste.roles.infer import CHAT, Cast
from foretaste.roles.layouts import GAP, said
from foretaste.roles.turns import chat, fresh_chat, one_side, parted

Roles = Mapping[str, Any]


@dataclass
class Writer:
    """Turns what a row says into what its columns hold.

    known:  (column, value) -> a cell of it that was read as that value
    like:   column -> a cell of it that is not empty, to take its type from
    shared: names of image files that more than one row has
    files:  image files to be written beside the data: name -> content; filled on the way
    """

    cast: Cast
    beside: Beside
    known: Mapping[tuple[str, str], Any]
    like: Cells
    shared: frozenset[str] = frozenset()
    files: dict[str, bytes] = field(default_factory=dict)

    def changed(self, raw: Cells, new: Roles) -> dict[str, Any]:
        """The cells that make a row say other things."""
        cells = self._chat(raw, new)
        for role, value in new.items():
            if role not in CHAT:
                cells.update(self._cells(role, value, raw))
        return cells

    def fresh(self, new: Roles) -> dict[str, Any]:
        """The cells of a new row."""
        raw = dict.fromkeys(self.cast.columns)
        if "messages" in self.cast.roles:
            column = self.cast.roles["messages"][0]
            made = fresh_chat(self.like.get(column), new.get("prompt"), new.get("response"))
            cells = {column: made}
        else:
            shape = {name: self.like.get(name) for name in raw}
            asked = self.cast.roles.get("prompt", ())
            cells = self._chat({**shape, **dict.fromkeys(asked)}, new)
        for role, value in new.items():
            if role not in CHAT:
                cells.update(self._cells(role, value, raw))
        return cells

    def _cells(self, role: str, value: Any, raw: Cells) -> dict[str, Any]:
        names = self.cast.roles.get(role)
        if not names:
            raise BadInput(f"no column of this data set holds {role}, so it cannot be changed")
        if role == "image":
            return self._image(names, value, raw)
        if role == "features":
            return self._features(names, value, raw)
        return {names[0]: self._cell(role, names[0], value, raw)}

    def _cell(self, role: str, column: str, value: Any, raw: Cells) -> Any:
        like = self._like(column, raw)
        if role == "time":
            return time_cell(value, like, f"column {column!r}")
        if role == "rating":
            return number_cell(value, like, f"column {column!r}")
        if (column, value) in self.known:
            return self.known[column, value]
        return text_cell(value, like, f"column {column!r}")

    def _like(self, column: str, raw: Cells) -> Any:
        value = raw.get(column)
        return self.like.get(column) if value is None or value == "" else value

    def _features(self, names: tuple[str, ...], value: Any, raw: Cells) -> dict[str, Any]:
        if self.cast.width:
            return {names[0]: _vector(value, self._like(names[0], raw))}
        cells = {}
        for name, one in value.items():
            where, like = f"column {name!r}", self._like(name, raw)
            if name in self.cast.numeric:
                number = float("nan") if one is None else one
                cells[name] = number_cell(number, like, where)
            else:
                known = self.known.get((name, one))
                cells[name] = text_cell(one, like, where) if known is None else known
        return cells

    def _image(self, names: tuple[str, ...], pixels: Array, raw: Cells) -> dict[str, Any]:
        if len(names) > 1:
            values = zip(names, pixels.ravel().tolist(), strict=True)
            return {n: number_cell(v, self._like(n, raw), f"column {n!r}") for n, v in values}
        value = raw.get(names[0])
        old = self.like.get(names[0]) if value is None else value
        if isinstance(old, np.ndarray):
            return {names[0]: pixels.reshape(old.shape)}
        if isinstance(old, dict):
            content = old.get("bytes") or self.beside.read(old["path"], LARGEST)
            path = None if value is None else old.get("path")
            return {names[0]: {**old, "path": path, "bytes": encoded(pixels, content)}}
        if isinstance(old, str):
            return {names[0]: self._file(old, pixels, fresh=value is None)}
        return {names[0]: encoded(pixels, old or b"")}

    def _file(self, name: str, pixels: Array, fresh: bool) -> str:
        """Puts an image beside the data, under a new name where others have that one too."""
        content = encoded(pixels, self.beside.read(name, LARGEST))
        stem, suffix = posixpath.splitext(name)
        number = 0
        while fresh or name in self.shared or name in self.files:
            number, fresh = number + 1, False
            name = f"{stem}_{number}{suffix}"
        self.files[name] = content
        return name

    def _chat(self, raw: Cells, new: Roles) -> dict[str, Any]:
        """The cells of a fine-tuning layout that change, read once to be sure."""
        roles = {role: names for role, names in self.cast.roles.items() if role in CHAT}
        words = {role: new[role] for role in ("prompt", "response", "rejected") if role in new}
        if not roles or not words:
            return {}
        cells = _told(roles, raw, words)
        after = {name: [cells.get(name, raw.get(name))] for name in self.cast.columns}
        read = said(roles, after)
        wrong = [role for role, text in words.items() if read.columns.get(role, [None]) != [text]]
        if wrong or read.bad:
            role = wrong[0] if wrong else "chat"
            raise BadInput(f"the {role} cannot be written in this layout: {str(words)[:80]}")
        return cells


def _told(roles: Mapping[str, tuple[str, ...]], raw: Cells, words: Roles) -> dict[str, Any]:
    prompt, response = words.get("prompt"), words.get("response")
    if "messages" in roles:
        column = roles["messages"][0]
        return {column: chat(raw[column], prompt, response)}
    cells: dict[str, Any] = {}
    if "prompt" in roles and prompt is not None:
        cells.update(_prompt(roles["prompt"], raw, prompt))
    inside = None if "prompt" in roles else prompt
    for role in ("response", "rejected"):
        if role in roles and (role in words or inside is not None):
            column = roles[role][0]
            cells[column] = one_side(raw[column], inside, words.get(role))
    return cells


def _prompt(names: tuple[str, ...], raw: Cells, text: str) -> dict[str, Any]:
    if len(names) == 1:
        old = raw[names[0]]
        return {names[0]: chat(old, text, None) if isinstance(old, list) else text}
    parts = [raw[name] or "" for name in names]
    found = parted(text, parts, GAP) or [text, *[""] * (len(names) - 1)]
    return {
        name: new
        for name, old, new in zip(names, parts, found, strict=True)
        if new != old or raw[name] is None
    }


def _vector(value: Any, like: Any) -> Any:
    values = np.asarray(value)
    if isinstance(like, np.ndarray):
        return values.astype(like.dtype).reshape(like.shape)
    if isinstance(like, list) and like and all(isinstance(one, int) for one in like):
        whole = values == np.rint(values)
        return [int(v) if w else float(v) for v, w in zip(values, whole, strict=True)]
    return values.tolist()
