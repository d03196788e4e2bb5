"""The role columns of a batch, made from the columns a file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from foretaste.roles.columns import Values, floats, labels, seconds, strings, vectors
from foretaste.roles.images import Beside, images, squares
from foretaste.roles.infer import CHAT, Cast
from foretaste.roles.layouts import said

Shaped = tuple[dict[str, pa.Array], dict[int, str]]
_CONTENT = ("text", "prompt", "response", "rejected", "image", "features", "user", "item")
NOTHING = "nothing to judge: every column with content is empty here"


@dataclass(frozen=True)
class Shape:
    """Turns the columns of a file into role columns, and says which rows have nothing in them."""

    cast: Cast
    classes: tuple[str, ...]
    beside: Beside

    def __call__(self, columns: Mapping[str, Values], rows: int) -> Shaped:
        """Role -> column; row -> why it is refused. A column a file lacks is empty there."""
        there = {name: columns.get(name, [None] * rows) for name in self.cast.columns}
        shaped, bad = self._chat(there)
        for role, names in self.cast.roles.items():
            if role == "image":
                shaped["image"], broken = self._image(names, there)
                bad |= broken
            elif role == "features":
                shaped["features"], broken = self._features(names, there)
                bad |= broken
            elif role not in CHAT:
                shaped[role] = self._column(role, there[names[0]])
        return shaped, _empty(shaped, rows) | bad

    def named(self, column: str, values: Values) -> list[str | None]:
        """What a column of names says in each row."""
        role = next(role for role, names in self.cast.roles.items() if column in names)
        read = labels(values) if role == "features" else self._column(role, values)
        return list(read.to_pylist())

    def _column(self, role: str, values: Values) -> pa.Array:
        if role == "label":
            return labels(values, self.classes)
        if role == "time":
            return pa.array(seconds(values))
        if role == "rating":
            return pa.array(floats(values))
        found = strings(values)
        return _hosts(found) if role == "source" else found

    def _chat(self, columns: Mapping[str, Values]) -> Shaped:
        layout = {role: self.cast.roles[role] for role in CHAT if role in self.cast.roles}
        if not layout:
            return {}, {}
        chats = said(layout, columns)
        shaped = {name: strings(values) for name, values in chats.columns.items()}
        if "prompt" in shaped:
            shaped.setdefault("text", shaped["prompt"])
        return shaped, dict(chats.bad)

    def _image(
        self, names: tuple[str, ...], columns: Mapping[str, Values]
    ) -> tuple[pa.Array, dict[int, str]]:
        if len(names) == 1:
            return images(columns[names[0]], self.beside)
        return squares([floats(columns[name]) for name in names])

    def _features(
        self, names: tuple[str, ...], columns: Mapping[str, Values]
    ) -> tuple[pa.Array, dict[int, str]]:
        if self.cast.width:
            return vectors(columns[names[0]], self.cast.width)
        numeric = self.cast.numeric
        arrays = [
            pa.array(floats(columns[name])) if name in numeric else labels(columns[name])
            for name in names
        ]
        return pa.StructArray.from_arrays(arrays, list(names)), {}


def _empty(shaped: Mapping[str, pa.Array], rows: int) -> dict[int, str]:
    """The rows in which all content is missing."""
    empty = np.ones(rows, bool)
    for name in _CONTENT:
        if name not in shaped:
            continue
        column = shaped[name]
        if isinstance(column, pa.FixedShapeTensorArray):
            return {}
        parts = column.flatten() if pa.types.is_struct(column.type) else [column]
        for part in parts:
            empty &= part.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        if not empty.any():
            return {}
    return dict.fromkeys(map(int, np.flatnonzero(empty)), NOTHING)


def _hosts(values: pa.Array) -> pa.Array:
    """Of a URL its host; other sources as they are."""
    return pa.array([_host(value) for value in values.to_pylist()], pa.large_string())


def _host(value: str | None) -> str | None:
    if value is None or not value.startswith(("http://", "https://")):
        return value
    try:
        return urlsplit(value).hostname or value
    except ValueError:
        return value
